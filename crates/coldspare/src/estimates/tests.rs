use coldspare_names::Generation;

use super::*;
use crate::holding::Holding;
use crate::planner::Planner;
use crate::test_world::{persona, server, white_paper};

#[test]
fn stages_count_one_after_the_other_and_steps_of_a_stage_side_by_side() {
    let site = white_paper();
    let policy = site.policy_of(&server(1)).unwrap();
    let planner = Planner {
        site: &site,
        binds: true,
        policy,
    };
    let holders = [(server(1), Generation::new(1))].into();
    let mut holding = Holding::adopted(persona(1), holders, Generation::new(1));
    holding.reserve(server(3));
    let estimates = Estimates::default();
    let failover = estimates.of(&planner.retarget(&holding).unwrap());
    // Power off is the longest of what is taken; admit, power on and configure are one call each.
    let calls = estimates.power_off + estimates.call * 3;
    let later = estimates.boot + estimates.services + estimates.rejoin + estimates.redistribute;
    assert_eq!(failover, calls + later);
    let moved = estimates.of(&planner.leave_and_retarget(&holding).unwrap());
    assert_eq!(moved, failover + estimates.drain + estimates.shut_down);
}

#[test]
fn a_file_may_name_some_estimates_only_and_no_unknown_ones() {
    let read = |text: &str| serde_json::from_str::<Estimates>(text);
    let boot = read(r#"{ "boot": { "secs": 60, "nanos": 0 } }"#).unwrap();
    assert_eq!(
        boot,
        Estimates {
            boot: Duration::from_mins(1),
            ..Estimates::default()
        }
    );
    assert!(read(r#"{ "boots": { "secs": 60, "nanos": 0 } }"#).is_err());
}
