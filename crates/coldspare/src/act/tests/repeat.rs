//! Every kind of step: whatever fails, saying it again succeeds, and twice is once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// What can be seen of all devices.
async fn look(world: &World) -> String {
    let mut seen = Vec::new();
    for (name, bmc) in &world.bmcs {
        let boot = bmc.remembered_boot().armed();
        seen.push(format!("{name} {:?} {boot:?}", *bmc.power().borrow()));
    }
    for (name, array) in &world.arrays {
        let admissions = array.admissions().await.unwrap();
        seen.push(format!("{name} {admissions:?} {:?}", array.open_sessions()));
    }
    for (name, switch) in &world.switches {
        seen.push(format!("{name} {:?}", switch.truth()));
    }
    for (name, guest) in &world.guests {
        seen.push(format!("{name} {:?}", guest.truth()));
    }
    seen.join("\n")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    /// Nothing is done.
    Silent,
    /// It is done, and nobody says so.
    AnswerLost,
}

fn fail(world: &World, how: Option<Failing>) {
    let silent = how == Some(Failing::Silent);
    for bmc in world.bmcs.values() {
        bmc.set_faults(Faults {
            silent,
            ..Faults::default()
        });
    }
    for array in world.arrays.values() {
        array.set_traps(Traps {
            no_answer: silent,
            loses_answers: how == Some(Failing::AnswerLost),
            ..Traps::default()
        });
    }
    let fault = how.map(|how| match how {
        Failing::Silent => Fault::Silent,
        Failing::AnswerLost => Fault::LosesAnswer,
    });
    world
        .switches
        .values()
        .for_each(|switch| switch.set_fault(fault));
    world
        .guests
        .values()
        .for_each(|guest| guest.set_fault(fault));
}

/// An application that answers only every second time.
#[derive(Debug, Default)]
struct Slow(AtomicBool);

impl Slow {
    fn answer(&self) -> Progress {
        if self.0.fetch_xor(true, Ordering::Relaxed) {
            return Progress::Done;
        }
        Progress::Waiting("a while".to_owned())
    }
}

#[async_trait]
impl Workload for Slow {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        Ok(self.answer())
    }
    async fn ready(&self) -> Result<Progress, WorkloadError> {
        Ok(self.answer())
    }
    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        Ok(self.answer())
    }
    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        Ok(self.answer())
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_may_fail_or_lose_its_answer_and_be_said_again_and_twice_is_once() {
    let mut scene = Scene::running().await;
    let slow = Arc::new(Slow::default());
    scene.world.devices.workloads.insert(persona(1), slow);
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for step in scene.plan.stages.clone().into_iter().flatten() {
        *kinds.entry(step.kind()).or_default() += 1;
        match &step {
            // The guest obeys, or has booted on its new server.
            Step::ShutDown { .. } => {
                scene.world.bmcs[&server(1)].turn_off_by_hand();
                scene.world.live(Time::EPOCH);
            }
            Step::AwaitAgent { .. } => {
                scene.world.live(Time::EPOCH);
                assert_eq!(scene.world.homes(&persona(1)), [server(3)]);
                continue;
            }
            Step::Admit { .. } if scene.holding.reserved().is_some() => scene.sit(),
            _ => {}
        }
        let before = look(&scene.world).await;
        fail(&scene.world, Some(Failing::Silent));
        let failed = scene.act(&step).await;
        fail(&scene.world, None);
        if failed.is_err() {
            assert_eq!(look(&scene.world).await, before, "{step} was not done");
        }
        fail(&scene.world, Some(Failing::AnswerLost));
        // It may have been done or not; either way it can be said again.
        let _ = scene.act(&step).await;
        fail(&scene.world, None);
        let once = scene
            .act(&step)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let after = look(&scene.world).await;
        let twice = scene
            .act(&step)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(look(&scene.world).await, after, "{step} done twice");
        assert_eq!(once, twice);
    }
    let every = [
        Kind::Leave,
        Kind::Take,
        Kind::Prepare,
        Kind::Give,
        Kind::Then,
    ];
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), every);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_so_afterwards_is_not_said_to_be_done() {
    let scene = Scene::running().await;
    for bmc in scene.world.bmcs.values() {
        bmc.set_faults(Faults {
            ignores: true,
            ..Faults::default()
        });
    }
    for switch in scene.world.switches.values() {
        switch.set_fault(Some(Fault::Ignores));
    }
    scene.world.guests[&persona(1)].set_fault(Some(Fault::Ignores));
    for step in scene.plan.stages.iter().flatten() {
        let checked = matches!(
            step,
            Step::PowerOff { .. }
                | Step::Disarm { .. }
                | Step::Park { .. }
                | Step::Wire { .. }
                | Step::Arm { .. }
                | Step::ConfigureGuest { .. }
        );
        if checked {
            assert!(scene.act(step).await.is_err(), "{step}");
        }
    }
}
