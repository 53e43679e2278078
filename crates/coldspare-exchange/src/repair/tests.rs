//! The script of the appendix: every status, then everything at once.

use proptest::prelude::*;

use super::*;
use crate::{ContentIndex, QueueLength};

fn copy(identity: &str, status: CopyStatus) -> CopyState {
    CopyState {
        copy: identity.parse().unwrap(),
        status,
        active: status == CopyStatus::Mounted,
        activation_suspended: false,
        suspend_comment: None,
        replay_lag_off: false,
        error: None,
        content_index: ContentIndex::Healthy,
        copy_queue: QueueLength::new(0),
        replay_queue: QueueLength::new(0),
        logs: None,
    }
}

fn told(copies: &[CopyState], keep: &BTreeSet<CopyId>) -> Vec<String> {
    let steps = repair(copies, keep).into_iter();
    steps
        .map(|step| format!("{}: {}", step.action, step.reason))
        .collect()
}

#[test]
fn the_actions_come_in_the_order_of_the_appendix() {
    let copies = [
        copy("A\\EX1", CopyStatus::Suspended),
        copy("B\\EX1", CopyStatus::FailedAndSuspended),
        copy("C\\EX1", CopyStatus::Failed),
        copy("D\\EX1", CopyStatus::Mounted),
        copy("E\\EX1", CopyStatus::Healthy),
    ];
    assert_eq!(
        told(&copies, &BTreeSet::new()),
        [
            "suspend C\\EX1: it is Failed",
            "resume B\\EX1: it is FailedAndSuspended",
            "resume C\\EX1: it is Failed",
            "resume A\\EX1: it is Suspended, and was not before the failure",
        ]
    );
}

#[test]
fn what_an_administrator_had_suspended_before_the_failure_is_left_alone() {
    let before = [
        copy("A\\EX1", CopyStatus::Suspended),
        copy("B\\EX1", CopyStatus::Healthy),
    ];
    let keep = suspended_on_purpose(&before);
    let after = [
        copy("A\\EX1", CopyStatus::Suspended),
        copy("B\\EX1", CopyStatus::Suspended),
    ];
    let resumed = ["resume B\\EX1: it is Suspended, and was not before the failure"];
    assert_eq!(told(&after, &keep), resumed);
    let worse = [copy("A\\EX1", CopyStatus::FailedAndSuspended)];
    assert_eq!(told(&worse, &keep), [] as [&str; 0]);
}

#[test]
fn what_an_interrupted_repair_had_suspended_is_not_taken_for_somebodys_purpose() {
    let mut suspended = copy("A\\EX1", CopyStatus::Suspended);
    suspended.suspend_comment = Some(COMMENT.to_owned());
    assert!(suspended_on_purpose(&[suspended]).is_empty());
}

#[test]
fn a_block_of_activation_outlives_the_repair() {
    let mut blocked = copy("A\\EX1", CopyStatus::FailedAndSuspended);
    blocked.activation_suspended = true;
    let resume = Action::Resume {
        copy: blocked.copy.clone(),
        replication_only: true,
    };
    assert_eq!(repair(&[blocked], &BTreeSet::new())[0].action, resume);
}

#[test]
fn a_copy_is_seeded_anew_only_when_resuming_did_not_help_and_another_serves() {
    let ill = copy("A\\EX1", CopyStatus::FailedAndSuspended);
    let elsewhere = |status| [ill.clone(), copy("A\\EX2", status)];
    let nobody = BTreeSet::new();
    let times = |times: u8| BTreeMap::from([(ill.copy.clone(), times)]);
    let told = |copies: &[CopyState], resumed: u8, keep: &BTreeSet<CopyId>| -> Vec<String> {
        let steps = reseed(copies, &times(resumed), keep).into_iter();
        steps
            .map(|step| format!("{}: {}", step.action, step.reason))
            .collect()
    };
    let serves = elsewhere(CopyStatus::Mounted);
    let seeded = ["seed A\\EX1 anew: it is FailedAndSuspended each time it is resumed"];
    assert_eq!(told(&serves, 3, &nobody), seeded);
    assert!(told(&serves, 2, &nobody).is_empty(), "there is still hope");
    assert!(reseed(&serves, &BTreeMap::new(), &nobody).is_empty());
    assert!(told(&serves, 3, &[ill.copy.clone()].into()).is_empty());
    assert!(
        told(&elsewhere(CopyStatus::Dismounted), 3, &nobody).is_empty(),
        "what is left may be the last"
    );
}

proptest! {
    #[test]
    fn every_copy_is_resumed_exactly_when_the_script_means_it(
        statuses in prop::collection::vec(prop::sample::select(CopyStatus::ALL), 0..12), kept: u16,
    ) {
        let copies: Vec<CopyState> = (0..).zip(&statuses)
            .map(|(number, status)| copy(&format!("DB{number}\\EX1"), *status))
            .collect();
        let kept = copies.iter().enumerate().filter(|(n, _)| kept >> n & 1 == 1);
        let keep: BTreeSet<CopyId> = kept.map(|(_, state)| state.copy.clone()).collect();
        let steps = repair(&copies, &keep);
        for state in &copies {
            let of = |step: &&Repair| matches!(&step.action,
                Action::Resume { copy, .. } | Action::Suspend { copy, .. } if *copy == state.copy);
            let suspends = steps.iter().filter(of).filter(|s| matches!(s.action, Action::Suspend { .. }));
            let resumes = steps.iter().filter(of).filter(|s| matches!(s.action, Action::Resume { .. }));
            let ill = matches!(state.status,
                CopyStatus::Failed | CopyStatus::FailedAndSuspended | CopyStatus::Suspended);
            let ill = ill && !keep.contains(&state.copy);
            prop_assert_eq!(resumes.count(), usize::from(ill));
            prop_assert_eq!(suspends.count(), usize::from(ill && state.status == CopyStatus::Failed));
        }
        let first_resume = steps.iter().position(|s| matches!(s.action, Action::Resume { .. }));
        let last_suspend = steps.iter().rposition(|s| matches!(s.action, Action::Suspend { .. }));
        if let (Some(resume), Some(suspend)) = (first_resume, last_suspend) {
            prop_assert!(suspend < resume);
        }
    }
}
