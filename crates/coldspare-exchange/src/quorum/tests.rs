//! The quorum models, row by row, then against a naive count.

use proptest::prelude::*;

use super::*;

/// Members · witness votes · votes · majority · failures tolerated, transcribed by hand.
const TABLE: [(usize, bool, usize, usize, usize); 7] = [
    (1, false, 1, 1, 0),
    (2, true, 3, 2, 1),
    (3, false, 3, 2, 1),
    (4, true, 5, 3, 2),
    (5, false, 5, 3, 2),
    (6, true, 7, 4, 3),
    (16, true, 17, 9, 8),
];

#[test]
fn every_number_of_members_has_the_model_of_the_table() {
    for (members, witness, votes, majority, tolerated) in TABLE {
        let expected = QuorumModel {
            witness,
            votes,
            majority,
            tolerated,
        };
        assert_eq!(QuorumModel::of(members), expected, "{members} members");
    }
}

/// Members that are left · whether a restore sets the alternate witness, transcribed by hand: if
/// the survivors are even in number or a single one.
const RESTORED: [(usize, bool); 6] = [
    (1, true),
    (2, true),
    (3, false),
    (4, true),
    (5, false),
    (8, true),
];

#[test]
fn a_restore_sets_the_alternate_witness_for_whom_the_table_says() {
    for (members, witness) in RESTORED {
        let found = QuorumModel::restored_with_witness(members);
        assert_eq!(found, witness, "{members} left");
    }
}

/// Odd and even in general: node majority, or node and file share majority.
#[test]
fn every_other_number_of_members_follows_the_general_rows() {
    for n in 1..=16 {
        let model = QuorumModel::of(n);
        let (votes, majority, tolerated) = match n % 2 {
            1 => (n, n / 2 + 1, n / 2),
            _ => (n + 1, n / 2 + 1, n / 2),
        };
        let found = (model.votes, model.majority, model.tolerated);
        assert_eq!(found, (votes, majority, tolerated), "{n} members");
    }
}

fn members(count: usize) -> BTreeSet<MemberName> {
    (0..count)
        .map(|number| format!("EX{number:02}").parse().unwrap())
        .collect()
}

#[test]
fn dynamic_witness_votes_only_while_votes_would_be_even() {
    let rules = QuorumRules {
        dynamic_quorum: true,
        dynamic_witness: true,
    };
    let all = members(4);
    for (present, witness) in [(4, true), (3, false), (2, true), (1, false)] {
        let electorate = Electorate::new(all.clone(), true);
        let left = electorate.adjusted(rules, &all, &members(present), true);
        assert_eq!(left.witness, witness, "{present} present");
        assert_eq!(left.members.len(), present);
    }
}

proptest! {
    #[test]
    fn there_is_quorum_as_long_as_no_more_are_missing_than_the_model_tolerates(
        count in 1..=16_usize, lost in 0..=16_usize, witness: bool,
    ) {
        let lost = lost.min(count);
        let all = members(count);
        let present: BTreeSet<MemberName> = all.iter().skip(lost).cloned().collect();
        let model = QuorumModel::of(count);
        let missing = lost + usize::from(model.witness && !witness);
        let quorum = Electorate::new(all, true).has_quorum(&present, witness);
        prop_assert_eq!(quorum, missing <= model.tolerated);
    }

    #[test]
    fn two_halves_never_both_have_quorum(count in 2..=16_usize, split: u16, dynamic: bool, owner: bool) {
        let all = members(count);
        let rules = QuorumRules { dynamic_quorum: dynamic, dynamic_witness: dynamic };
        let electorate = Electorate::new(all.clone(), true).adjusted(rules, &all, &all, true);
        let here: BTreeSet<MemberName> =
            all.iter().enumerate().filter(|(n, _)| split >> n & 1 == 1).map(|(_, m)| m.clone()).collect();
        let there: BTreeSet<MemberName> = all.difference(&here).cloned().collect();
        prop_assert!(!(electorate.has_quorum(&here, owner) && electorate.has_quorum(&there, !owner)));
    }
}
