//! From who holds a persona, and who is to have it, to a plan. Pure: everything is decided here,
//! every port, network, address and target; the steps choose nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare_names::{ArrayName, Generation, PersonaName, PortId, ServerName, SwitchName};
use coldspare_network::{Problem, guest_plan, port_plan};
use coldspare_persona::{FenceLevel, PoolPolicy};
use coldspare_san::{Admission, ShutOut};

use crate::act::LookAgain;
use crate::fence::Demand;
use crate::holding::{Grant, Holding};
use crate::site::{Site, SitePersona, WorkloadKind};
use crate::step::{Boot, Plan, Step};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unplannable {
    /// The site has no such persona any more.
    #[error("there is no persona {0}")]
    Unknown(PersonaName),
    /// The persona's networks do not fit the server's cabling.
    #[error(transparent)]
    Networks(#[from] Problem),
}

/// Plans for one site.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The site.
    pub site: &'a Site,
    /// Whether every array can tell a former holder from the present one: only then is a spare
    /// armed before the former holder is fenced.
    pub binds: bool,
    /// The policy of the persona's, or the server's, pool.
    pub policy: &'a PoolPolicy,
}

impl Planner<'_> {
    /// Takes the persona from everybody who may act as it, and gives it to whom it is reserved
    /// for; with nobody reserved it is only taken.
    pub fn retarget(&self, holding: &Holding) -> Result<Plan, Unplannable> {
        let persona = self.persona(holding.persona())?;
        let fenced = holding.holders();
        let taken = fenced
            .iter()
            .flat_map(|(server, up_to)| self.take(holding, server, *up_to));
        let mut stages: Vec<Vec<Step>> = vec![taken.collect()];
        if let Some(grant) = holding.reserved() {
            let wire = self.wire(persona, &grant.server)?;
            let arm = self.arm(persona, grant);
            if fenced.contains_key(&grant.server) {
                // In place: what is taken must be over before the same server is prepared again.
                stages.push(wire.into_iter().chain([arm]).collect());
            } else if self.binds {
                stages[0].extend(wire.into_iter().chain([arm]));
            } else {
                stages[0].extend(wire);
                stages.push(vec![arm]);
            }
            stages.push(self.admit(persona, grant));
            let (server, generation) = (grant.server.clone(), grant.generation);
            stages.push(vec![Step::PowerOn { server, generation }]);
            stages.extend(self.then(persona, grant)?);
        }
        stages.retain(|steps| !steps.is_empty());
        let demand = |(server, up_to): (&ServerName, &Generation)| {
            let mut demand = self.demand(server, *up_to);
            if holding.reserved().is_some_and(|to| to.server == *server) {
                // What was only isolated may still run: it is no server to start the persona on.
                demand.levels.retain(|level| *level == FenceLevel::Off);
            }
            demand
        };
        Ok(Plan {
            persona: holding.persona().clone(),
            demands: fenced.iter().map(demand).collect(),
            stages,
        })
    }

    /// Frees the reserved server again: the persona stays where it is.
    pub fn free(&self, holding: &Holding) -> Plan {
        let grant = holding.reserved();
        let take = |grant: &Grant| self.take(holding, &grant.server, grant.generation);
        Plan {
            persona: holding.persona().clone(),
            demands: grant
                .map(|g| self.demand(&g.server, g.generation))
                .into_iter()
                .collect(),
            stages: grant.map(take).into_iter().collect(),
        }
    }

    /// The same in good order: the application leaves and the operating system shuts down first.
    pub fn leave_and_retarget(&self, holding: &Holding) -> Result<Plan, Unplannable> {
        let persona = self.persona(holding.persona())?;
        let mut plan = self.retarget(holding)?;
        let name = holding.persona().clone();
        let mut stages = vec![vec![Step::Drain {
            persona: name.clone(),
        }]];
        stages.extend(holding.holders().keys().map(|server| {
            let agent = persona.persona.agent;
            vec![Step::ShutDown {
                persona: name.clone(),
                server: server.clone(),
                agent,
            }]
        }));
        stages.append(&mut plan.stages);
        plan.stages = stages;
        Ok(plan)
    }

    /// Sets the ports and interfaces of a running persona, wherever it is, and leads its application
    /// back to where it was.
    pub fn refresh(&self, holding: &Holding) -> Result<Plan, Unplannable> {
        let persona = self.persona(holding.persona())?;
        let mut stages = Vec::new();
        if let Some(home) = holding.home() {
            stages.push(self.wire(persona, &home.server)?);
            stages.extend(self.lead_back(persona, &home.server)?);
        }
        stages.retain(|steps| !steps.is_empty());
        Ok(Plan {
            persona: holding.persona().clone(),
            demands: Vec::new(),
            stages,
        })
    }

    /// Makes sure that a server which holds nothing is fit to be a spare.
    pub fn scrub(&self, server: &ServerName, holdings: &[&Holding]) -> Vec<Step> {
        let mut steps = vec![
            Step::PowerOff {
                server: server.clone(),
            },
            Step::Disarm {
                server: server.clone(),
            },
        ];
        steps.extend(self.park(server));
        for (array, request) in self.shut_out_of_all(server, holdings) {
            steps.push(Step::ShutOut { array, request });
        }
        steps
    }

    /// Where to look again before the persona is given to somebody.
    pub fn look_again(
        &self,
        holding: &Holding,
        server: &ServerName,
        up_to: Generation,
    ) -> LookAgain {
        // Stamps never go back, and this fence has left one. A newer run has stamped all volumes
        // anew only if it had somebody to take them from.
        let request = |array: &ArrayName| ShutOut {
            stamp: up_to,
            ..self.shut_out(holding, array, server, up_to)
        };
        LookAgain {
            demand: self.demand(server, up_to),
            shut_out: self
                .site
                .arrays
                .keys()
                .map(|array| (array.clone(), request(array)))
                .collect(),
        }
    }

    /// What has to be proven of a server before it counts as fenced.
    pub fn demand(&self, server: &ServerName, up_to: Generation) -> Demand {
        Demand {
            server: server.clone(),
            up_to,
            arrays: self.site.arrays.keys().cloned().collect(),
            ports: self.managed_ports(server),
            levels: self.policy.fence_levels.clone(),
        }
    }

    fn persona(&self, name: &PersonaName) -> Result<&SitePersona, Unplannable> {
        self.site
            .personas
            .get(name)
            .ok_or_else(|| Unplannable::Unknown(name.clone()))
    }

    fn take(&self, holding: &Holding, server: &ServerName, up_to: Generation) -> Vec<Step> {
        let mut steps = vec![
            Step::PowerOff {
                server: server.clone(),
            },
            Step::Disarm {
                server: server.clone(),
            },
        ];
        steps.extend(self.site.arrays.keys().map(|array| Step::ShutOut {
            array: array.clone(),
            request: self.shut_out(holding, array, server, up_to),
        }));
        steps.extend(self.park(server));
        steps
    }

    fn shut_out(
        &self,
        holding: &Holding,
        array: &ArrayName,
        server: &ServerName,
        up_to: Generation,
    ) -> ShutOut {
        let persona = self.site.personas.get(holding.persona());
        let volumes = persona.map(|persona| self.site.volumes_of(&persona.persona.name));
        let here = volumes
            .into_iter()
            .flatten()
            .filter(|volume| volume.array == *array);
        // Whoever else may hold the persona is taken from by steps of its own, or not at all.
        let others = holding.holders().keys().filter(|holder| *holder != server);
        ShutOut {
            server: server.clone(),
            addresses: self.site.san_addresses(server),
            initiator: persona.map(|persona| persona.persona.initiator.clone()),
            up_to,
            volumes: here.map(|volume| volume.volume).collect(),
            stamp: holding.generation(),
            spared: others
                .flat_map(|holder| self.site.san_addresses(holder))
                .collect(),
        }
    }

    fn shut_out_of_all(
        &self,
        server: &ServerName,
        holdings: &[&Holding],
    ) -> Vec<(ArrayName, ShutOut)> {
        let mut requests = Vec::new();
        for array in self.site.arrays.keys() {
            let fenced = holdings.iter().filter_map(|holding| {
                let fenced = holding.fenced().get(server)?;
                Some(self.shut_out(holding, array, server, fenced.generation))
            });
            let before = requests.len();
            requests.extend(fenced.map(|request| (array.clone(), request)));
            if requests.len() == before {
                requests.push((
                    array.clone(),
                    ShutOut {
                        server: server.clone(),
                        addresses: self.site.san_addresses(server),
                        initiator: None,
                        up_to: Generation::new(u64::MAX),
                        volumes: BTreeSet::new(),
                        stamp: Generation::NONE,
                        spared: BTreeSet::new(),
                    },
                ));
            }
        }
        requests
    }

    fn managed_ports(&self, server: &ServerName) -> BTreeSet<PortId> {
        let cables = self.site.cabling(server);
        let ports = cables.iter().map(|(_, cable)| cable.port.clone());
        ports
            .filter(|port| self.site.manages(&port.switch))
            .collect()
    }

    fn park(&self, server: &ServerName) -> Vec<Step> {
        let mut by_switch: BTreeMap<SwitchName, BTreeSet<_>> = BTreeMap::new();
        for port in self.managed_ports(server) {
            by_switch.entry(port.switch).or_default().insert(port.port);
        }
        let park = |(switch, ports)| Step::Park {
            server: server.clone(),
            switch,
            ports,
        };
        by_switch.into_iter().map(park).collect()
    }

    fn wire(&self, persona: &SitePersona, server: &ServerName) -> Result<Vec<Step>, Unplannable> {
        let plan = port_plan(
            &persona.connections,
            &self.site.networks,
            &self.site.cabling(server),
        )?;
        let managed = plan
            .switches()
            .filter(|(switch, _)| self.site.manages(switch));
        Ok(managed
            .map(|(switch, ports)| Step::Wire {
                server: server.clone(),
                switch: switch.clone(),
                ports: ports.clone(),
            })
            .collect())
    }

    fn arm(&self, persona: &SitePersona, grant: &Grant) -> Step {
        Step::Arm {
            server: grant.server.clone(),
            boot: Boot {
                initiator: persona.persona.initiator.clone(),
                initiator_addresses: self.site.san_networks(&grant.server),
                image: persona.persona.image.clone(),
                generation: grant.generation,
            },
        }
    }

    fn admit(&self, persona: &SitePersona, grant: &Grant) -> Vec<Step> {
        let admission = Admission {
            initiator: persona.persona.initiator.clone(),
            server: grant.server.clone(),
            generation: grant.generation,
            addresses: self.site.san_addresses(&grant.server),
        };
        let volumes = self.site.volumes_of(&persona.persona.name);
        volumes
            .into_iter()
            .map(|volume| Step::Admit {
                volume,
                admission: admission.clone(),
            })
            .collect()
    }

    fn then(&self, persona: &SitePersona, grant: &Grant) -> Result<Vec<Vec<Step>>, Unplannable> {
        let mut stages = vec![vec![Step::AwaitAgent {
            persona: persona.persona.name.clone(),
            server: grant.server.clone(),
            generation: grant.generation,
        }]];
        stages.extend(self.lead_back(persona, &grant.server)?);
        Ok(stages)
    }

    /// What a persona needs once it is up.
    fn lead_back(
        &self,
        persona: &SitePersona,
        server: &ServerName,
    ) -> Result<Vec<Vec<Step>>, Unplannable> {
        let name = || persona.persona.name.clone();
        let mut stages = Vec::from_iter(self.configure(persona, server)?);
        stages.push(vec![Step::AwaitServices { persona: name() }]);
        if matches!(persona.workload, WorkloadKind::DagMember { .. }) {
            stages.push(vec![Step::Rejoin { persona: name() }]);
            stages.push(vec![Step::Redistribute { persona: name() }]);
        }
        Ok(stages)
    }

    fn configure(
        &self,
        persona: &SitePersona,
        server: &ServerName,
    ) -> Result<Option<Vec<Step>>, Unplannable> {
        if !persona.persona.agent || !persona.persona.networking_enabled {
            return Ok(None);
        }
        let cabling = self.site.cabling(server);
        let plan = guest_plan(&persona.connections, &self.site.networks, &cabling)?;
        Ok(Some(vec![Step::ConfigureGuest {
            persona: persona.persona.name.clone(),
            plan,
        }]))
    }

    /// How long a step may take.
    pub fn limit(&self, step: &Step) -> Duration {
        let policy = &self.policy;
        match step {
            Step::ShutDown { .. } => policy.shut_down_limit,
            Step::PowerOff { .. }
            | Step::Disarm { .. }
            | Step::Arm { .. }
            | Step::PowerOn { .. } => policy.call_limits.bmc + policy.off_pause,
            Step::ShutOut { .. } | Step::Admit { .. } => policy.call_limits.array,
            Step::Park { .. } | Step::Wire { .. } => policy.call_limits.switch,
            Step::ConfigureGuest { .. } => Duration::from_secs(30),
            Step::Drain { .. } | Step::AwaitServices { .. } | Step::Redistribute { .. } => {
                Duration::from_mins(15)
            }
            // Logs may have to be replayed for hours.
            Step::Rejoin { .. } | Step::AwaitAgent { .. } => Duration::from_hours(24),
        }
    }
}

/// How long a call of a site may take that gives a server something: the longest there is.
pub fn longest_give(site: &Site) -> Duration {
    let policies = site.pools.values().map(|pool| &pool.policy);
    let limits = policies.map(|it| (it.call_limits.bmc + it.off_pause).max(it.call_limits.array));
    limits.max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
