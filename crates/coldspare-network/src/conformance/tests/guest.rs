//! The guest in memory passes; each deliberately wrong guest is found by one check.

use std::sync::Mutex;

use async_trait::async_trait;
use coldspare_names::PersonaName;
use macaddr::MacAddr6;

use super::failed;
use crate::conformance::guest::{Rig, check};
use crate::memory::{Fault, MemoryGuest};
use crate::{Error, Guest, GuestPlan, Interfaces, Link};

/// What a guest gets wrong, and the check that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CallsLinksUp,
    ForgetsTheGateway,
    KeepsOldNetworks,
    RefusesWhatIsDone,
    StaysOnThePrimary,
    ClaimsToCarry,
    MovesPlainInterfaces,
    SkipsAbsentNics,
    GoesOnRunning,
    IsDead,
}

const WRONG: [(Wrong, &str); 9] = [
    (Wrong::CallsLinksUp, "reports-its-nics"),
    (Wrong::ForgetsTheGateway, "configures-what-is-planned"),
    (Wrong::KeepsOldNetworks, "replaces-the-plan-whole"),
    (Wrong::RefusesWhatIsDone, "may-be-repeated"),
    (Wrong::StaysOnThePrimary, "fails-over"),
    (Wrong::ClaimsToCarry, "reports-what-is-cut-off"),
    (
        Wrong::MovesPlainInterfaces,
        "keeps-plain-interfaces-in-place",
    ),
    (Wrong::SkipsAbsentNics, "refuses-absent-nics"),
    (Wrong::GoesOnRunning, "shuts-down-when-asked"),
];

#[derive(Debug, Clone)]
struct Wronged {
    guest: MemoryGuest,
    wrong: Option<Wrong>,
}

#[async_trait]
impl Guest for Wronged {
    fn persona(&self) -> &PersonaName {
        self.guest.persona()
    }

    async fn interfaces(&self) -> Result<Interfaces, Error> {
        let mut interfaces = self.guest.interfaces().await?;
        let Interfaces {
            nics,
            configured,
            carriers,
        } = &mut interfaces;
        match self.wrong {
            Some(Wrong::CallsLinksUp) => nics.iter_mut().for_each(|nic| nic.link = Link::Up),
            Some(Wrong::StaysOnThePrimary) => carriers
                .retain(|name, channel| configured.networks[name].channels.primary() == *channel),
            Some(Wrong::ClaimsToCarry) if carriers.is_empty() => {
                for (name, network) in &configured.networks {
                    carriers.insert(name.clone(), network.channels.primary());
                }
            }
            Some(Wrong::MovesPlainInterfaces) => {
                let up = carriers.values().next().copied();
                for (name, _) in configured
                    .networks
                    .iter()
                    .filter(|(_, network)| network.tag.is_none())
                {
                    carriers.extend(up.map(|channel| (name.clone(), channel)));
                }
            }
            _ => {}
        }
        Ok(interfaces)
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error> {
        let before = self.guest.truth().configured;
        let mut plan = plan.clone();
        match self.wrong {
            Some(Wrong::ForgetsTheGateway) if before == GuestPlan::default() => plan.gateway = None,
            Some(Wrong::KeepsOldNetworks) => {
                for (name, network) in before.networks {
                    plan.networks.entry(name).or_insert(network);
                }
            }
            Some(Wrong::RefusesWhatIsDone) if before == plan => {
                return Err(Error::GuestRefused {
                    persona: self.persona().clone(),
                    reason: "done".to_owned(),
                    try_again: false,
                });
            }
            Some(Wrong::SkipsAbsentNics) => {
                let present = self.guest.truth().nics;
                plan.nics
                    .retain(|_, mac| present.iter().any(|nic| nic.mac == *mac));
            }
            _ => {}
        }
        self.guest.set_plan(&plan).await
    }

    async fn shut_down(&self) -> Result<(), Error> {
        match self.wrong {
            Some(Wrong::GoesOnRunning) => Ok(()),
            _ => self.guest.shut_down().await,
        }
    }
}

/// Makes guests in memory, wrong in one way or in none.
struct MemoryRig {
    wrong: Option<Wrong>,
    now: Mutex<MemoryGuest>,
}

impl MemoryRig {
    fn new(wrong: Option<Wrong>) -> Self {
        let now = MemoryGuest::new("exchange-1".parse().unwrap(), []);
        Self {
            wrong,
            now: Mutex::new(now),
        }
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Box<dyn Guest> {
        let guest = MemoryGuest::new("exchange-1".parse().unwrap(), self.nics());
        let dead = self.wrong == Some(Wrong::IsDead);
        guest.set_fault(dead.then_some(Fault::Silent));
        *self.now.lock().unwrap() = guest.clone();
        Box::new(Wronged {
            guest,
            wrong: self.wrong,
        })
    }

    fn nics(&self) -> [MacAddr6; 2] {
        [1, 2].map(|last| MacAddr6::new(2, 0, 0, 0, 0, last))
    }

    async fn set_link(&self, nic: MacAddr6, link: Link) {
        self.now.lock().unwrap().set_link(nic, link);
    }

    async fn is_shutting_down(&self) -> bool {
        self.now.lock().unwrap().is_shutting_down()
    }
}

#[tokio::test]
async fn the_guest_in_memory_passes() {
    let violations = check(&MemoryRig::new(None)).await;
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test]
async fn every_wrong_guest_is_found_by_its_check() {
    for (wrong, name) in WRONG {
        let violations = check(&MemoryRig::new(Some(wrong))).await;
        assert_eq!(failed(&violations), [name], "{wrong:?}: {violations:?}");
    }
}

#[tokio::test]
async fn a_dead_guest_passes_no_check_so_every_check_has_its_wrong_guest() {
    let violations = check(&MemoryRig::new(Some(Wrong::IsDead))).await;
    assert_eq!(failed(&violations), WRONG.map(|(_, name)| name));
}
