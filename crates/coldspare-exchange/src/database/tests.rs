use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{Dag, Version};

proptest! {
    #[test]
    fn a_preference_that_is_set_stays_and_the_others_stay_unique_in_their_order(
        copies in 1..=16_u8, who in 0..16_u8, wish in 1..=16_u8,
    ) {
        let (who, wish) = (who % copies, 1 + (wish - 1) % copies);
        let name = |n: u8| format!("EX{n:02}").parse::<MemberName>().unwrap();
        let members: Vec<MemberName> = (0..copies).map(name).collect();
        let dag = Dag::new("DAG1".parse().unwrap(), Version::V2016)
            .with_database("DB".parse().unwrap(), &members);
        let mut database = dag.databases.into_values().next().unwrap();
        let before = database.clone();
        let settings = CopySettings::preferred(NonZeroU8::new(wish).unwrap());
        database.set_copy(&name(who), settings).unwrap();
        prop_assert_eq!(database.copies[&name(who)].preference.get(), wish);
        let numbers: BTreeSet<u8> = database.copies.values().map(|of| of.preference.get()).collect();
        prop_assert_eq!(numbers, (1..=copies).collect::<BTreeSet<u8>>());
        let order = |of: &Database| -> Vec<MemberName> {
            let mut others: Vec<_> = of.copies.iter().filter(|(member, _)| **member != name(who)).collect();
            others.sort_by_key(|(_, copy)| copy.preference);
            others.into_iter().map(|(member, _)| member.clone()).collect()
        };
        prop_assert_eq!(order(&database), order(&before));
        let once = database.clone();
        database.set_copy(&name(who), settings).unwrap();
        prop_assert_eq!(database, once, "repeated, it changes nothing");
    }
}

#[test]
fn a_preference_beyond_the_number_of_copies_and_a_lag_beyond_a_fortnight_are_refused() {
    let members = ["EX1", "EX2"].map(|name| name.parse::<MemberName>().unwrap());
    let dag = Dag::new("DAG1".parse().unwrap(), Version::V2016)
        .with_database("DB".parse().unwrap(), &members);
    let mut database = dag.databases.into_values().next().unwrap();
    let third = CopySettings::preferred(NonZeroU8::new(3).unwrap());
    let refused = database.set_copy(&members[0], third).unwrap_err();
    assert_eq!(refused.to_string(), "a preference is at most 2");
    let first = CopySettings::preferred(NonZeroU8::MIN);
    let late = CopySettings {
        replay_lag: Duration::from_hours(15 * 24),
        ..first
    };
    let refused = database.set_copy(&members[0], late).unwrap_err();
    assert_eq!(refused.to_string(), "a lag in days is at most 14");
}

proptest! {
    #[test]
    fn a_copy_that_is_added_and_removed_leaves_everything_as_it_was(
        copies in 1..16_u8, wish in 1..=16_u8,
    ) {
        let name = |n: u8| format!("EX{n:02}").parse::<MemberName>().unwrap();
        let members: Vec<MemberName> = (0..copies).map(name).collect();
        let dag = Dag::new("DAG1".parse().unwrap(), Version::V2016)
            .with_database("DB".parse().unwrap(), &members);
        let mut database = dag.databases.into_values().next().unwrap();
        let before = database.clone();
        let settings = CopySettings::preferred(NonZeroU8::new(wish).unwrap());
        let added = database.add_copy(&name(copies), settings);
        prop_assert_eq!(added.is_ok(), wish <= copies + 1);
        if added.is_ok() {
            prop_assert_eq!(database.copies[&name(copies)].preference.get(), wish);
            let numbers: BTreeSet<u8> = database.copies.values().map(|of| of.preference.get()).collect();
            prop_assert_eq!(numbers, (1..=copies + 1).collect::<BTreeSet<u8>>());
            let again = database.add_copy(&name(copies), settings);
            prop_assert_eq!(again, Err(Refusal::CopyExists(name(copies))));
        }
        prop_assert_eq!(database.remove_copy(&name(copies)), Ok(()));
        prop_assert_eq!(&database, &before);
        prop_assert_eq!(database.remove_copy(&name(0)), Err(Refusal::IsActive));
    }
}
