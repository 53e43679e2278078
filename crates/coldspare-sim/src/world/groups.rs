//! Database availability groups: the simulated clusters live off the machines around them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coldspare::site::{Redistribution, WorkloadKind};
use coldspare::{DagMember, Event, Progress, What, Workload};
use coldspare_exchange::memory::Happening;
use coldspare_exchange::{DagName, MemberName};
use coldspare_names::{NetworkName, Time};
use futures::FutureExt;

use super::state::Due;
use super::{Machine, Plant, State, System};

/// What a member of a group has around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate fact about the member"
)]
pub(super) struct Around {
    up: bool,
    mapi: bool,
    replication: bool,
    domain_controller: bool,
}

/// How often a start-up item looks whether it can go on.
const AGAIN: Duration = Duration::from_secs(10);

/// The start-up items that are not done yet.
pub(super) type StartUps = BTreeMap<(DagName, MemberName), DagMember>;

/// Does the next bit; whether it was the last.
async fn lead_back(item: &DagMember) -> bool {
    let done = |progress| matches!(progress, Ok(Progress::Done));
    done(item.ready().await) && done(item.rejoin().await) && done(item.rebalance().await)
}

/// What was last shown to each member.
pub(super) type Shown = BTreeMap<(DagName, MemberName), Around>;

impl Around {
    /// As a cluster begins.
    const ALL: Self = Self {
        up: true,
        mapi: true,
        replication: true,
        domain_controller: true,
    };
}

impl State {
    /// Shows every cluster what there is around its members now, and tells what came of it.
    pub(super) fn show_groups(&mut self, plant: &Plant, now: Time) {
        let (mapi, replication) = (plant.mapi(), plant.replication());
        let controllers = mapi
            .as_ref()
            .is_none_or(|mapi| self.has_domain_controller(plant, mapi));
        let lit = self.lan_is_lit(plant);
        let witness_changed = std::mem::replace(&mut self.witness_is_cut_off, !lit) == lit;
        for (name, cluster) in &plant.clusters {
            let Some(of) = plant.site.dags.get(name) else {
                continue;
            };
            cluster.advance(now);
            if witness_changed {
                cluster.set_witness(lit);
            }
            for (member, persona) in &of.personas {
                let awake = self.machines.values().filter_map(|machine| {
                    let system = machine
                        .awake()
                        .filter(|system| system.persona == *persona)?;
                    Some((machine, system))
                });
                // A former home that goes on without its disks is nobody that the others know.
                let at = awake.max_by_key(|(_, system)| system.serves());
                let on = |network: &Option<NetworkName>| {
                    at.zip(network.as_ref())
                        .is_some_and(|((machine, system), network)| {
                            Self::connected(plant, machine, system, network)
                        })
                };
                let around = Around {
                    up: at.is_some_and(|(_, system)| system.serves()),
                    mapi: on(&mapi),
                    replication: on(&replication),
                    domain_controller: on(&mapi) && controllers,
                };
                let key = (name.clone(), member.clone());
                let before = self.shown.insert(key, around).unwrap_or(Around::ALL);
                show(cluster, member, before, around);
                let starts = around.up && !before.up;
                if starts && plant.site.redistribution == Redistribution::Persona {
                    let due = Due::StartUp(name.clone(), member.clone());
                    self.agenda.insert((now + plant.latency.services, due));
                }
            }
        }
        self.tell_groups(plant);
    }

    /// The start-up item of a persona that leads its member back itself, as the script in the
    /// paper's appendix does: once its services run it repairs its copies, and then redistributes.
    pub(super) fn start_up(
        &mut self,
        plant: &Plant,
        dag: DagName,
        member: MemberName,
        now: Time,
    ) -> bool {
        let key = (dag, member);
        let is_up = self.shown.get(&key).is_some_and(|around| around.up);
        let Some(cluster) = plant.clusters.get(&key.0).filter(|_| is_up) else {
            self.start_ups.remove(&key);
            return false;
        };
        cluster.advance(now);
        let item = self.start_ups.entry(key.clone()).or_insert_with(|| {
            let control = Arc::new(cluster.clone());
            DagMember::new(control, key.1.clone(), Redistribution::Controller)
        });
        if lead_back(item).now_or_never() == Some(true) {
            self.start_ups.remove(&key);
        } else {
            self.agenda
                .insert((now + AGAIN, Due::StartUp(key.0, key.1)));
        }
        true
    }

    fn has_domain_controller(&self, plant: &Plant, mapi: &NetworkName) -> bool {
        use coldspare::site::ExternalRole::DomainController;
        let site = &plant.site;
        let external = site
            .externals
            .values()
            .any(|it| it.role == DomainController);
        let serves = |machine: &Machine| {
            let system = machine.awake().filter(|system| system.serves());
            system.is_some_and(|system: &System| {
                let of = plant.persona(&system.persona);
                of.is_some_and(|of| of.workload == WorkloadKind::DomainController)
                    && Self::connected(plant, machine, system, mapi)
            })
        };
        let personas = site.personas.values();
        let described = personas
            .filter(|it| it.workload == WorkloadKind::DomainController)
            .count();
        // A site that names none anywhere has one that nobody thought worth naming.
        external || described == 0 || self.machines.values().any(serves)
    }

    /// Lets the clusters go on, and tells what has happened in them.
    pub(super) fn tell_groups(&mut self, plant: &Plant) {
        for cluster in plant.clusters.values() {
            for event in cluster.drain_events() {
                if let Some(told) = told(&event.what) {
                    self.tell(event.at, told);
                }
            }
        }
    }
}

fn show(
    cluster: &coldspare_exchange::memory::SimulatedCluster,
    member: &MemberName,
    before: Around,
    around: Around,
) {
    // The site says that it has this member, so the cluster knows it.
    let known = "a member of the group";
    if before.up != around.up {
        if around.up {
            cluster.set_services(member, true).expect(known);
            cluster.member_up(member).expect(known);
        } else {
            cluster.member_down(member).expect(known);
        }
    }
    if before.mapi != around.mapi {
        cluster.set_mapi_network(member, around.mapi).expect(known);
    }
    if before.replication != around.replication {
        cluster
            .set_replication_network(member, around.replication)
            .expect(known);
    }
    if before.domain_controller != around.domain_controller {
        cluster
            .set_domain_controller(member, around.domain_controller)
            .expect(known);
    }
}

fn told(what: &Happening) -> Option<Event> {
    Some(match what {
        Happening::DatabaseActivated {
            database,
            from,
            to,
            logs_lost,
            automatic,
        } => {
            let by = if *automatic {
                "by Active Manager"
            } else {
                "as asked"
            };
            let event = Event::new(What::DatabaseActivated)
                .database(database)
                .member(to);
            event.because(format!("from {from}, {by}; {logs_lost} logs lost"))
        }
        Happening::CopyStatus { copy, was, status } => {
            let event = Event::new(What::CopyStatus)
                .database(&copy.database)
                .member(&copy.member);
            event.status(status).because(format!("it was {was}"))
        }
        Happening::ActivationFailed { database } => {
            let event = Event::new(What::Alarm).database(database);
            event.because("no copy of it can be activated")
        }
        Happening::Quorum { held: false } => {
            Event::new(What::Alarm).because("a group has lost its quorum")
        }
        _ => return None,
    })
}
