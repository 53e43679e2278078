use coldspare_names::VolumeId;
use proptest::prelude::*;

use super::*;
use crate::fence::Evidence;
use crate::record::KeptPlan;
use crate::step::Kind;
use crate::test_world::{persona, server, two_spares, white_paper};

fn held(holders: &[(u8, u64)]) -> Holding {
    let holders: BTreeMap<_, _> = holders
        .iter()
        .map(|(number, generation)| (server(*number), Generation::new(*generation)))
        .collect();
    let highest = holders.values().max().copied().unwrap_or_default();
    Holding::adopted(persona(1), holders, highest)
}

fn with<T>(binds: bool, look: impl FnOnce(Planner<'_>) -> T) -> T {
    let site = white_paper();
    let policy = site.policy_of(&server(1)).unwrap();
    look(Planner {
        site: &site,
        binds,
        policy,
    })
}

/// A plan in words, one line a stage.
fn told(stages: &[Vec<Step>]) -> String {
    let lines = stages.iter().map(|steps| {
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        steps.join(", ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const TAKE: &str = "power off r720-1, disarm r720-1, shut r720-1 out of ps6010, \
                    shut r720-1 out of ps6110, park r720-1 on lan-1, park r720-1 on lan-2";
const ADMIT: &str = "admit r720-3 to volume Exchange Server-1 on ps6110, \
                     admit r720-3 to volume Database-1Active on ps6010, \
                     admit r720-3 to volume Database-2Passive on ps6010";
const THEN: &str = "configure exchange-1's interfaces\nawait exchange-1's services\n\
                    rejoin exchange-1's copies\nredistribute to exchange-1";

#[test]
fn a_failover_takes_and_prepares_side_by_side_then_gives_then_leads_back() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    let plan = with(true, |planner| planner.retarget(&holding)).unwrap();
    let wanted = format!(
        "{TAKE}, wire r720-3 on lan-1, wire r720-3 on lan-2, arm r720-3\n{ADMIT}\n\
         power on r720-3\nawait exchange-1 on r720-3\n{THEN}"
    );
    assert_eq!(told(&plan.stages), wanted);
    let demands: Vec<_> = plan
        .demands
        .iter()
        .map(|d| (d.server.clone(), d.up_to))
        .collect();
    assert_eq!(demands, [(server(1), Generation::new(1))]);
}

#[test]
fn where_an_array_binds_nobody_the_spare_is_armed_in_a_stage_of_its_own() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    let plan = with(false, |planner| planner.retarget(&holding)).unwrap();
    let wanted = format!(
        "{TAKE}, wire r720-3 on lan-1, wire r720-3 on lan-2\narm r720-3\n{ADMIT}\n\
         power on r720-3\nawait exchange-1 on r720-3\n{THEN}"
    );
    assert_eq!(told(&plan.stages), wanted);
}

#[test]
fn in_place_the_server_is_prepared_after_it_was_taken_and_only_off_is_a_proof() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(1));
    let plan = with(true, |planner| planner.retarget(&holding)).unwrap();
    let admit = ADMIT.replace("r720-3", "r720-1");
    let wanted = format!(
        "{TAKE}\nwire r720-1 on lan-1, wire r720-1 on lan-2, arm r720-1\n{admit}\n\
         power on r720-1\nawait exchange-1 on r720-1\n{THEN}"
    );
    assert_eq!(told(&plan.stages), wanted);
    assert_eq!(plan.demands[0].levels, BTreeSet::from([FenceLevel::Off]));
}

#[test]
fn a_move_drains_and_shuts_down_first() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    let moved = with(true, |planner| planner.leave_and_retarget(&holding)).unwrap();
    let failed_over = with(true, |planner| planner.retarget(&holding)).unwrap();
    let leave = "drain exchange-1\nshut exchange-1 down on r720-1\n";
    assert_eq!(
        told(&moved.stages),
        leave.to_owned() + &told(&failed_over.stages)
    );
}

#[test]
fn a_stop_takes_and_gives_to_nobody() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    holding.raise();
    let plan = with(true, |planner| planner.retarget(&holding)).unwrap();
    assert_eq!(plan.stages.len(), 1);
    assert!(plan.stages[0].iter().all(|step| step.kind() == Kind::Take));
    assert_eq!(
        plan.demands.len(),
        2,
        "the server reserved before is taken from too"
    );
}

#[test]
fn a_start_of_what_nobody_holds_takes_from_nobody() {
    let mut holding = Holding::nobody(persona(1));
    holding.reserve(server(3));
    let plan = with(true, |planner| planner.retarget(&holding)).unwrap();
    assert!(plan.demands.is_empty());
    assert!(
        plan.stages
            .iter()
            .flatten()
            .all(|step| step.kind() != Kind::Take)
    );
}

#[test]
fn freeing_takes_from_the_reserved_server_and_spares_the_home() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    with(true, |planner| {
        let plan = planner.free(&holding);
        assert_eq!(told(&plan.stages), TAKE.replace("r720-1", "r720-3"));
        assert_eq!(plan.demands[0].up_to, Generation::new(2));
        for step in plan.stages.iter().flatten() {
            if let Step::ShutOut { request, .. } = step {
                assert_eq!(request.spared, planner.site.san_addresses(&server(1)));
            }
        }
    });
}

#[test]
fn a_refresh_sets_what_the_home_has_leads_the_application_back_and_takes_nothing() {
    let plan = with(true, |planner| planner.refresh(&held(&[(1, 1)]))).unwrap();
    let wanted = "wire r720-1 on lan-1, wire r720-1 on lan-2\nconfigure exchange-1's interfaces\n\
        await exchange-1's services\nrejoin exchange-1's copies\nredistribute to exchange-1";
    assert_eq!(told(&plan.stages), wanted);
    let nowhere = with(true, |planner| planner.refresh(&held(&[]))).unwrap();
    assert!(nowhere.stages.is_empty());
}

#[test]
fn scrubbing_shuts_out_up_to_the_generation_of_each_fence_and_whatever_there_is_without_one() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    holding.release(crate::fence::tests::proof("r720-1", 1));
    holding.seat();
    with(true, |planner| {
        let fenced = planner.scrub(&server(1), &[&holding]);
        let up_to = |steps: &[Step]| -> Vec<Generation> {
            let requests = steps.iter().filter_map(|step| match step {
                Step::ShutOut { request, .. } => Some(request.up_to),
                _ => None,
            });
            requests.collect()
        };
        assert_eq!(up_to(&fenced), [Generation::new(1); 2]);
        let spare = planner.scrub(&server(2), &[&holding]);
        assert_eq!(up_to(&spare), [Generation::new(u64::MAX); 2]);
        assert!(
            fenced
                .iter()
                .chain(&spare)
                .all(|step| step.kind() == Kind::Take)
        );
    });
}

#[test]
fn looking_again_asks_for_what_this_fence_left_whatever_came_after() {
    let mut holding = held(&[(1, 1)]);
    holding.reserve(server(3));
    holding.release(crate::fence::tests::proof("r720-1", 1));
    holding.seat();
    for _ in 0..5 {
        holding.raise();
    }
    with(true, |planner| {
        let look = planner.look_again(&holding, &server(1), Generation::new(1));
        assert!(
            look.shut_out
                .iter()
                .all(|(_, request)| request.stamp <= Generation::new(2))
        );
    });
    assert_eq!(holding.fenced()[&server(1)].evidence, Evidence::Off);
}

#[test]
fn what_is_not_in_the_site_is_not_planned() {
    let holding = Holding::nobody("nobody".parse().unwrap());
    let plan = with(true, |planner| planner.retarget(&holding));
    assert_eq!(plan.unwrap_err().to_string(), "there is no persona nobody");
}

/// Every volume of the persona is taken from every holder, and admitted to none but the new one.
fn admitted(plan: &Plan) -> BTreeSet<(VolumeId, ServerName)> {
    let steps = plan.stages.iter().flatten();
    let admitted = steps.filter_map(|step| match step {
        Step::Admit { volume, admission } => Some((volume.clone(), admission.server.clone())),
        _ => None,
    });
    admitted.collect()
}

proptest! {
    #[test]
    fn whoever_holds_it_nothing_is_given_before_all_is_taken_from_all(
        holders in proptest::collection::btree_map(1..=4_u8, 1..9_u64, 0..4),
        before in proptest::option::of(1..=4_u8),
        to in 1..=4_u8,
        binds: bool,
    ) {
        let site = two_spares();
        let holders: Vec<_> = holders.into_iter().collect();
        let mut holding = held(&holders);
        before.map(|number| holding.reserve(server(number)));
        holding.reserve(server(to));
        let policy = site.policy_of(&server(1)).unwrap();
        let planner = Planner { site: &site, binds, policy };
        let plan = planner.retarget(&holding).unwrap();

        let stage_of = |wanted: &dyn Fn(&Step) -> bool| -> Vec<usize> {
            let stages = plan.stages.iter().enumerate();
            stages.filter(|(_, steps)| steps.iter().any(wanted)).map(|(at, _)| at).collect()
        };
        let takes = stage_of(&|step| step.kind() == Kind::Take);
        let gives = stage_of(&|step| step.kind() == Kind::Give);
        let arms = stage_of(&|step| matches!(step, Step::Arm { .. }));
        prop_assert!(takes.iter().all(|take| gives.iter().all(|give| take < give)));
        prop_assert!(arms.iter().all(|arm| gives.iter().all(|give| arm < give)));
        let in_place = holding.holders().contains_key(&server(to));
        if !binds || in_place {
            prop_assert!(takes.iter().all(|take| arms.iter().all(|arm| take < arm)));
        }
        let demanded: BTreeSet<_> = plan.demands.iter().map(|d| d.server.clone()).collect();
        let holders: BTreeSet<_> = holding.holders().keys().cloned().collect();
        prop_assert_eq!(demanded, holders);
        let volumes = site.volumes_of(&persona(1)).into_iter();
        prop_assert_eq!(admitted(&plan), volumes.map(|volume| (volume, server(to))).collect());
        for step in plan.stages.iter().flatten() {
            if let Step::ShutOut { request, .. } = step {
                prop_assert!(request.stamp > request.up_to);
            }
        }
        let journal = serde_json::to_vec(&plan).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Plan>(&journal).unwrap(), &plan);
        let kept = KeptPlan::from(plan);
        for _ in 0..2 {
            prop_assert_eq!(&serde_json::to_vec(&kept).unwrap(), &journal);
        }
        prop_assert_eq!(serde_json::from_slice::<KeptPlan>(&journal).unwrap(), kept);
    }
}
