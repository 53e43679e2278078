use std::sync::Arc;

use async_trait::async_trait;
use coldspare_bmc::{self as bmc, Bmc, BootSource, Faults, Identity, PowerCommand, PowerState};
use coldspare_names::{Generation, ServerName, Time};
use coldspare_network::memory::Fault;
use coldspare_san::Array;
use coldspare_san::memory::{MemoryArray, Traps};
use mockall::{Sequence, mock};

use super::*;
use crate::holding::Holding;
use crate::planner::Planner;
use crate::step::Kind;
use crate::test_world::{World, persona, server, white_paper};
use crate::workload::{Workload, WorkloadError};

mod repeat;

mock! {
    #[derive(Debug)]
    Machine {}

    #[async_trait]
    impl Bmc for Machine {
        async fn read(&self) -> Result<bmc::Reading, bmc::Error>;
        async fn set_power(&self, command: PowerCommand) -> Result<(), bmc::Error>;
        async fn settings(&self) -> Result<bmc::Settings, bmc::Error>;
        async fn set_boot(&self, source: &BootSource) -> Result<(), bmc::Error>;
        async fn set_restore_policy(&self, policy: bmc::RestorePolicy) -> Result<(), bmc::Error>;
        async fn inventory(&self) -> Result<bmc::Inventory, bmc::Error>;
    }
}

/// The first persona, taken from the first server and about to be given to the third: what a
/// controller has journalled by then, and a world in which it is so.
struct Scene {
    world: World,
    holding: Holding,
    plan: crate::step::Plan,
}

impl Scene {
    async fn taken() -> Self {
        let mut scene = Self::running().await;
        for step in scene
            .steps(Kind::Take)
            .into_iter()
            .chain(scene.steps(Kind::Prepare))
        {
            scene.act(&step).await.unwrap();
        }
        scene.sit();
        scene
    }

    /// The first server counts as fenced, and the third gets its seat.
    fn sit(&mut self) {
        self.holding
            .release(crate::fence::tests::proof("r720-1", 1));
        assert!(self.holding.seat());
    }

    /// The first persona at work on the first server, and the plan that moves it to the third.
    async fn running() -> Self {
        let world = World::idle(white_paper(), MemoryArray::TRAITS)
            .with_volumes()
            .await;
        let site = world.site.clone();
        let policy = site.policy_of(&server(1)).unwrap();
        let planner = Planner {
            site: &site,
            binds: true,
            policy,
        };
        let mut holding = Holding::nobody(persona(1));
        holding.reserve(server(1));
        let plan = planner.retarget(&holding).unwrap();
        holding.seat();
        let mut scene = Self {
            world,
            holding,
            plan,
        };
        let first = scene.plan.stages.clone().into_iter().flatten();
        for step in first.filter(|step| step.kind() != Kind::Then) {
            scene.act(&step).await.unwrap();
        }
        scene.world.live(Time::EPOCH);
        scene.holding.reserve(server(3));
        scene.plan = planner.leave_and_retarget(&scene.holding).unwrap();
        scene
    }

    fn steps(&self, kind: Kind) -> Vec<Step> {
        let steps = self.plan.stages.iter().flatten();
        steps.filter(|step| step.kind() == kind).cloned().collect()
    }

    fn order(&self, step: &Step) -> Order {
        let site = &self.world.site;
        let policy = site.policy_of(&server(1)).unwrap();
        let planner = Planner {
            site,
            binds: true,
            policy,
        };
        let look = |(name, fenced): (&ServerName, &crate::Fenced)| {
            let look = planner.look_again(&self.holding, name, fenced.generation);
            (look, fenced.evidence.clone())
        };
        let give = self.holding.home().map(|holder| Give {
            holder,
            taken_from: self.holding.fenced().iter().map(look).collect(),
        });
        Order {
            step: step.clone(),
            limit: planner.limit(step),
            give: give.filter(|_| step.kind() == Kind::Give),
        }
    }

    async fn act(&self, step: &Step) -> Result<Done, StepError> {
        act(&self.world.devices, &self.world.site, &self.order(step)).await
    }

    async fn admitted(&self) -> usize {
        let mut admitted = 0;
        for array in self.world.arrays.values() {
            let found = array.admissions().await.unwrap();
            admitted += found
                .values()
                .map(|found| found.admitted.len())
                .sum::<usize>();
        }
        admitted
    }
}

fn reading(identity: Identity, power: PowerState) -> bmc::Reading {
    bmc::Reading { identity, power }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_given_when_a_former_holder_cannot_be_seen_to_be_fenced() {
    let mut scene = Scene::taken().await;
    // It runs again, and one of its ports was put back on a network.
    scene.world.bmcs[&server(1)].turn_on_by_hand();
    let wired = scene.world.switches.values().next().unwrap();
    let ports = wired.truth();
    let r3 = ports.values().find(|port| {
        port.observed != coldspare_network::Observed::Known(coldspare_network::Membership::Parked)
    });
    wired.intrude(&"1/g1".parse().unwrap(), r3.unwrap().observed.clone());

    let mut spare = MockMachine::new();
    let identity = scene.world.site.identity(&server(3)).unwrap();
    spare
        .expect_read()
        .returning(move || Ok(reading(identity.clone(), PowerState::Off)));
    spare.expect_set_power().never();
    scene.world.devices.bmcs.insert(server(3), Arc::new(spare));
    for step in scene.steps(Kind::Give) {
        let error = scene.act(&step).await.unwrap_err();
        assert_eq!(error.obstacle, Obstacle::Unproven, "{error}");
    }
    assert_eq!(scene.admitted().await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_former_holder_is_looked_at_before_the_new_one_is_powered_on() {
    let mut scene = Scene::taken().await;
    let mut order = Sequence::new();
    let (mut former, mut new) = (MockMachine::new(), MockMachine::new());
    let identity = scene.world.site.identity(&server(1)).unwrap();
    let reads_off = move || Ok(reading(identity.clone(), PowerState::Off));
    former
        .expect_read()
        .times(2)
        .in_sequence(&mut order)
        .returning(reads_off);
    let identity = scene.world.site.identity(&server(3)).unwrap();
    let off = reading(identity.clone(), PowerState::Off);
    new.expect_read()
        .times(1)
        .in_sequence(&mut order)
        .return_once(move || Ok(off));
    let is_on = mockall::predicate::eq(PowerCommand::On);
    new.expect_set_power()
        .with(is_on)
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    let on = move || Ok(reading(identity.clone(), PowerState::On));
    new.expect_read()
        .times(1)
        .in_sequence(&mut order)
        .returning(on);
    scene.world.devices.bmcs.insert(server(1), Arc::new(former));
    scene.world.devices.bmcs.insert(server(3), Arc::new(new));
    let power_on = scene.steps(Kind::Give).pop().unwrap();
    scene.act(&power_on).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_seat_is_good_for_one_server_and_one_generation() {
    let scene = Scene::taken().await;
    for step in scene.steps(Kind::Give) {
        let order = scene.order(&step);
        let give = order.give.clone().unwrap();
        let others = [
            Grant {
                server: server(2),
                ..give.holder.clone()
            },
            Grant {
                generation: Generation::new(1),
                ..give.holder.clone()
            },
        ];
        for holder in others {
            let order = Order {
                give: Some(Give {
                    holder,
                    ..give.clone()
                }),
                ..order.clone()
            };
            let error = act(&scene.world.devices, &scene.world.site, &order)
                .await
                .unwrap_err();
            assert!(error.reason.contains("the seat is for"), "{error}");
        }
        let order = Order {
            give: None,
            ..order
        };
        act(&scene.world.devices, &scene.world.site, &order)
            .await
            .unwrap_err();
    }
    assert_eq!(scene.admitted().await, 0);
    assert_eq!(
        *scene.world.bmcs[&server(3)].power().borrow(),
        PowerState::Off
    );
}

#[tokio::test(start_paused = true)]
async fn a_volume_stamped_by_somebody_newer_admits_nobody_and_that_is_told_apart() {
    let scene = Scene::taken().await;
    let step = scene.steps(Kind::Give).remove(0);
    let Step::Admit { volume, .. } = &step else {
        panic!("{step}")
    };
    let array = &scene.world.arrays[&volume.array];
    let found = array.admissions().await.unwrap()[&volume.volume].clone();
    let mut newer = found.clone();
    newer.stamp = Generation::new(7);
    array
        .set_admissions(&volume.volume, &found, &newer)
        .await
        .unwrap();
    assert_eq!(
        scene.act(&step).await.unwrap_err().obstacle,
        Obstacle::Stamp
    );
    assert_eq!(scene.admitted().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_spare_that_is_on_is_not_armed() {
    let scene = Scene::running().await;
    scene.world.bmcs[&server(3)].turn_on_by_hand();
    let steps = scene.steps(Kind::Prepare);
    let arm = steps
        .iter()
        .find(|step| matches!(step, Step::Arm { .. }))
        .unwrap();
    let error = scene.act(arm).await.unwrap_err();
    assert_eq!(error.reason, "r720-3 is not off but on");
    let remembered = scene.world.bmcs[&server(3)].remembered_boot();
    assert!(matches!(remembered, BootSource::Nothing));
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_every_step_ends_within_its_limit() {
    let scene = Scene::taken().await;
    let long = Duration::from_hours(48);
    for bmc in scene.world.bmcs.values() {
        bmc.set_faults(Faults {
            answer_after: long,
            ..Faults::default()
        });
    }
    for array in scene.world.arrays.values() {
        array.set_traps(Traps {
            latency: long,
            ..Traps::default()
        });
    }
    scene
        .world
        .switches
        .values()
        .for_each(|switch| switch.set_latency(long));
    scene
        .world
        .guests
        .values()
        .for_each(|guest| guest.set_latency(long));
    for step in scene.plan.stages.iter().flatten() {
        if matches!(step, Step::AwaitAgent { .. }) {
            continue;
        }
        let clock = crate::Clock::showing(Time::EPOCH);
        let end = scene.act(step).await;
        let took = clock.now() - Time::EPOCH;
        assert!(took <= scene.order(step).limit, "{step} took {took:?}");
        let needs_no_device = matches!(
            step,
            Step::Drain { .. }
                | Step::AwaitServices { .. }
                | Step::Rejoin { .. }
                | Step::Redistribute { .. }
        );
        assert_eq!(end.is_ok(), needs_no_device, "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_agent_is_not_a_thing_to_do() {
    let scene = Scene::running().await;
    let mut then = scene.steps(Kind::Then).into_iter();
    let error = scene.act(&then.next().unwrap()).await.unwrap_err();
    assert_eq!(error.reason, "only the detector can tell");
}

#[tokio::test(start_paused = true)]
async fn an_operating_system_is_asked_once_to_shut_down_and_not_at_all_when_it_is_off() {
    let scene = Scene::running().await;
    let step = scene.steps(Kind::Leave).pop().unwrap();
    let (guest, machine) = (
        &scene.world.guests[&persona(1)],
        &scene.world.bmcs[&server(1)],
    );
    let obey = async {
        sleep(Duration::from_mins(1)).await;
        assert!(guest.is_shutting_down());
        machine.turn_off_by_hand();
    };
    let (end, ()) = futures::join!(scene.act(&step), obey);
    end.unwrap();
    guest.boot(Vec::new());
    scene.act(&step).await.unwrap();
    assert!(!guest.is_shutting_down());
}

#[tokio::test(start_paused = true)]
async fn arming_counts_as_giving_where_arrays_do_not_bind() {
    let scene = Scene::taken().await;
    for step in scene.plan.stages.iter().flatten() {
        let (gives, arms) = (step.kind() == Kind::Give, matches!(step, Step::Arm { .. }));
        let order = scene.order(step);
        assert_eq!(order.gives(true), gives, "{step}");
        assert_eq!(order.gives(false), gives || arms, "{step}");
    }
}
