//! The switch in memory passes; each deliberately wrong switch is found by one check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coldspare_names::{PortId, PortName, SwitchName};

use super::failed;
use crate::conformance::switch::{Rig, check};
use crate::memory::{Fault, MemorySwitch};
use crate::{Error, Link, Membership, Observed, PortStatus, Switch, SwitchPlan, VlanId};

type Passed = BTreeMap<PortName, BTreeSet<VlanId>>;
type Expected = BTreeMap<PortName, Observed>;

/// What a switch gets wrong, and the check that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CallsItselfOtherwise,
    CallsUplinksManaged,
    CallsLinksUp,
    Remembers,
    AddsToTrunks,
    ParksTheRest,
    RefusesWhatIsDone,
    RefusesHalves,
    ExpectsNothingOfOnePort,
    ExpectsNothingOfOthers,
    SetsOneByOne,
    SkipsUplinks,
    SkipsUnknownPorts,
    LooksThenSets,
    GoesThroughVlanOne,
    IsDead,
}

const WRONG: [(Wrong, &str); 15] = [
    (Wrong::CallsItselfOtherwise, "names-itself"),
    (Wrong::CallsUplinksManaged, "reports-every-port"),
    (Wrong::CallsLinksUp, "reports-links"),
    (Wrong::Remembers, "sees-others-changes"),
    (Wrong::AddsToTrunks, "sets-whole-values"),
    (Wrong::ParksTheRest, "leaves-others-alone"),
    (Wrong::RefusesWhatIsDone, "may-be-repeated"),
    (Wrong::RefusesHalves, "completes-a-half"),
    (Wrong::ExpectsNothingOfOnePort, "finds-conflicts"),
    (
        Wrong::ExpectsNothingOfOthers,
        "guards-what-is-only-expected",
    ),
    (Wrong::SetsOneByOne, "changes-all-or-nothing"),
    (Wrong::SkipsUplinks, "refuses-uplinks"),
    (Wrong::SkipsUnknownPorts, "refuses-unknown-ports"),
    (Wrong::LooksThenSets, "lets-one-writer-win"),
    (Wrong::GoesThroughVlanOne, "leaks-nothing-on-the-way"),
];

/// A switch in memory that is watched, and may be wrong.
#[derive(Debug, Clone)]
struct Watched {
    name: SwitchName,
    switch: MemorySwitch,
    passed: Arc<Mutex<Passed>>,
    wrong: Option<Wrong>,
    remembered: Arc<Mutex<Option<BTreeMap<PortName, PortStatus>>>>,
}

impl Watched {
    async fn really_set(&self, expected: &Expected, wanted: &SwitchPlan) -> Result<(), Error> {
        self.switch.set_ports(expected, wanted).await?;
        let mut passed = self.passed.lock().unwrap();
        for (port, membership) in wanted {
            passed
                .entry(port.clone())
                .or_default()
                .extend(membership.vlans());
        }
        Ok(())
    }

    /// Refuses what must be refused, and sets nothing.
    async fn look(&self, expected: &Expected, wanted: &SwitchPlan) -> Result<(), Error> {
        let now = self.switch.truth();
        let is_managed = |port: &PortName| now.get(port).is_some_and(|status| status.managed);
        if !wanted.keys().all(is_managed) {
            return self.really_set(expected, wanted).await;
        }
        let done = |port: &PortName| wanted.get(port).is_some_and(|w| now[port].observed.is(w));
        let mut open = expected.clone();
        open.retain(|port, _| !done(port));
        self.really_set(&open, &SwitchPlan::new()).await
    }

    fn conflict(&self, port: &PortName) -> Error {
        Error::Conflict {
            port: PortId {
                switch: self.name.clone(),
                port: port.clone(),
            },
            expected: Observed::Known(Membership::Parked),
            found: self.switch.truth()[port].observed.clone(),
        }
    }
}

#[async_trait]
impl Switch for Watched {
    fn name(&self) -> &SwitchName {
        &self.name
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error> {
        let mut ports = self.switch.ports().await?;
        match self.wrong {
            Some(Wrong::CallsUplinksManaged) => {
                for status in ports.values_mut() {
                    status.managed = true;
                }
            }
            Some(Wrong::CallsLinksUp) => {
                for status in ports.values_mut() {
                    status.link = Link::Up;
                }
            }
            Some(Wrong::Remembers) => {
                let mut remembered = self.remembered.lock().unwrap();
                let remembered = remembered.get_or_insert_with(|| ports.clone());
                for (port, status) in &mut ports {
                    status.observed = remembered[port].observed.clone();
                }
            }
            _ => {}
        }
        Ok(ports)
    }

    async fn set_ports(&self, expected: &Expected, wanted: &SwitchPlan) -> Result<(), Error> {
        *self.remembered.lock().unwrap() = None;
        let now = self.switch.truth();
        let done = wanted.iter().filter(|(port, membership)| {
            now.get(*port)
                .is_some_and(|status| status.observed.is(membership))
        });
        let done = done.count();
        let (mut expected, mut wanted) = (expected.clone(), wanted.clone());
        match self.wrong {
            Some(Wrong::AddsToTrunks) => {
                for (port, membership) in &mut wanted {
                    let now = now.get(port).map(|status| &status.observed);
                    if let (Some(Observed::Known(Membership::Trunk(old))), Membership::Trunk(new)) =
                        (now, &*membership)
                    {
                        *membership = Membership::tagged(old.tagged() | new.tagged());
                    }
                }
            }
            Some(Wrong::ParksTheRest) => {
                for (port, _) in now.iter().filter(|(_, status)| status.managed) {
                    wanted.entry(port.clone()).or_insert(Membership::Parked);
                }
            }
            Some(Wrong::RefusesWhatIsDone) if done == wanted.len() && done > 0 => {
                return Err(self.conflict(&wanted.pop_first().unwrap().0));
            }
            Some(Wrong::RefusesHalves) if done > 0 && done < wanted.len() => {
                return Err(self.conflict(&wanted.pop_first().unwrap().0));
            }
            Some(Wrong::ExpectsNothingOfOnePort) if wanted.len() == 1 => {
                expected.retain(|port, _| !wanted.contains_key(port));
            }
            Some(Wrong::ExpectsNothingOfOthers) => {
                expected.retain(|port, _| wanted.contains_key(port));
            }
            Some(Wrong::SetsOneByOne)
                if wanted
                    .keys()
                    .all(|port| now.get(port).is_some_and(|status| status.managed)) =>
            {
                let mut others = expected.clone();
                others.retain(|port, _| !wanted.contains_key(port));
                self.really_set(&others, &SwitchPlan::new()).await?;
                for (port, membership) in wanted {
                    let mut expected = expected.clone();
                    expected.retain(|expected, _| *expected == port);
                    self.really_set(&expected, &SwitchPlan::from([(port, membership)]))
                        .await?;
                }
                return Ok(());
            }
            Some(Wrong::SkipsUplinks) => {
                wanted.retain(|port, _| now.get(port).is_none_or(|status| status.managed));
            }
            Some(Wrong::SkipsUnknownPorts) => wanted.retain(|port, _| now.contains_key(port)),
            Some(Wrong::LooksThenSets) => {
                self.look(&expected, &wanted).await?;
                tokio::task::yield_now().await;
                expected.clear();
            }
            Some(Wrong::GoesThroughVlanOne) => {
                self.look(&expected, &wanted).await?;
                let one = Membership::Access(VlanId::new(1).unwrap());
                let through = wanted.keys().map(|port| (port.clone(), one.clone()));
                self.really_set(&Expected::new(), &through.collect())
                    .await?;
                expected.clear();
            }
            _ => {}
        }
        self.really_set(&expected, &wanted).await
    }
}

/// Makes switches in memory, wrong in one way or in none.
struct MemoryRig {
    wrong: Option<Wrong>,
    now: Mutex<Option<Watched>>,
}

impl MemoryRig {
    fn new(wrong: Option<Wrong>) -> Self {
        Self {
            wrong,
            now: Mutex::new(None),
        }
    }

    fn watched(&self) -> Watched {
        self.now.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Box<dyn Switch> {
        let uplink = Observed::Foreign("every VLAN".to_owned());
        let switch = MemorySwitch::new(self.name(), self.managed());
        let name = match self.wrong {
            Some(Wrong::CallsItselfOtherwise) => "somebody-else".parse().unwrap(),
            _ => self.name(),
        };
        let watched = Watched {
            name,
            switch: switch.with_unmanaged(self.uplink(), uplink),
            passed: Arc::default(),
            wrong: self.wrong,
            remembered: Arc::default(),
        };
        let dead = self.wrong == Some(Wrong::IsDead);
        watched.switch.set_fault(dead.then_some(Fault::Silent));
        *self.now.lock().unwrap() = Some(watched.clone());
        Box::new(watched)
    }

    fn name(&self) -> SwitchName {
        "lan-1".parse().unwrap()
    }

    fn managed(&self) -> [PortName; 2] {
        ["1/g1", "1/g2"].map(|port| port.parse().unwrap())
    }

    fn uplink(&self) -> PortName {
        "1/xg1".parse().unwrap()
    }

    async fn intrude(&self, port: &PortName, membership: &Membership) {
        let observed = Observed::Known(membership.clone());
        self.watched().switch.intrude(port, observed);
    }

    async fn set_link(&self, port: &PortName, link: Link) {
        self.watched().switch.set_cabled(port, link == Link::Up);
    }

    async fn passed(&self) -> Passed {
        self.watched().passed.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn the_switch_in_memory_passes() {
    let violations = check(&MemoryRig::new(None)).await;
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test]
async fn every_wrong_switch_is_found_by_its_check() {
    for (wrong, name) in WRONG {
        let violations = check(&MemoryRig::new(Some(wrong))).await;
        assert_eq!(failed(&violations), [name], "{wrong:?}: {violations:?}");
    }
}

#[tokio::test]
async fn a_dead_switch_passes_no_check_but_the_name_so_every_check_has_its_wrong_switch() {
    let violations = check(&MemoryRig::new(Some(Wrong::IsDead))).await;
    let all = WRONG.map(|(_, name)| name);
    assert_eq!(failed(&violations), all[1..]);
}
