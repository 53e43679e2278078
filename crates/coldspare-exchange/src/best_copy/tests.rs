//! Selection: the ten criteria row by row, then against a naive oracle.

use proptest::prelude::*;

use super::*;

/// Number · content index · copy queue · replay queue, transcribed by hand.
const TABLE: [(u8, &str, &str, &str); 10] = [
    (1, "Healthy", "< 10", "< 50"),
    (2, "Crawling", "< 10", "< 50"),
    (3, "Healthy", "any", "< 50"),
    (4, "Crawling", "any", "< 50"),
    (5, "any", "any", "< 50"),
    (6, "Healthy", "< 10", "any"),
    (7, "Crawling", "< 10", "any"),
    (8, "Healthy", "any", "any"),
    (9, "Crawling", "any", "any"),
    (10, "any", "any", "any"),
];

fn meets(row: (u8, &str, &str, &str), copy: &Candidate<'_>) -> bool {
    let queue = |asked: &str, queue: QueueLength| match asked {
        "< 10" => queue.known().is_some_and(|length| length < 10),
        "< 50" => queue.known().is_some_and(|length| length < 50),
        _ => true,
    };
    let index = row.1 == "any" || row.1 == copy.content_index.as_str();
    index && queue(row.2, copy.copy_queue) && queue(row.3, copy.replay_queue)
}

fn member(number: u8) -> MemberName {
    format!("EX{number}").parse().unwrap()
}

fn copy(member: &MemberName, index: ContentIndex, queues: (u64, u64)) -> Candidate<'_> {
    Candidate {
        member,
        preference: NonZeroU8::MIN,
        status: CopyStatus::Healthy,
        content_index: index,
        last_inspected: Some(100),
        copy_queue: QueueLength::new(queues.0),
        replay_queue: QueueLength::new(queues.1),
        health: Some(HealthLevel::AllHealthy),
        barred: &[],
    }
}

#[test]
fn each_copy_meets_first_the_criterion_that_the_table_says() {
    let name = member(1);
    for index in [
        ContentIndex::Healthy,
        ContentIndex::Crawling,
        ContentIndex::Failed,
    ] {
        for queues in [
            (0, 0),
            (9, 49),
            (9, 50),
            (10, 49),
            (10, 50),
            (u64::MAX, 0),
            (0, u64::MAX),
        ] {
            let copy = copy(&name, index, queues);
            let first = TABLE.into_iter().find(|row| meets(*row, &copy)).unwrap();
            assert_eq!(copy.criterion(), first.0, "{index} {queues:?}");
        }
    }
}

#[test]
fn an_index_that_a_version_does_not_have_counts_as_healthy() {
    let name = member(1);
    for index in [
        ContentIndex::NotApplicable,
        ContentIndex::HealthyAndUpgrading,
    ] {
        assert_eq!(copy(&name, index, (0, 0)).criterion(), 1);
    }
}

#[test]
fn the_order_decides_among_copies_that_meet_the_same_criterion() {
    let names = [member(1), member(2), member(3)];
    let with = |number: usize, preference, inspected| Candidate {
        preference: NonZeroU8::new(preference).unwrap(),
        last_inspected: Some(inspected),
        ..copy(&names[number], ContentIndex::Healthy, (100 - inspected, 0))
    };
    let copies = [with(0, 3, 100), with(1, 2, 100), with(2, 1, 99)];
    assert_eq!(
        best(&copies, Order::CopyQueue),
        Some(1),
        "most logs, then preference"
    );
    assert_eq!(
        best(&copies, Order::Preference),
        Some(2),
        "preference alone"
    );
}

#[test]
fn a_ranking_says_why_and_what_would_have_to_change() {
    let names = [member(1), member(2)];
    let barred = [Refusal::ActivationSuspended];
    let mut copies = [
        copy(&names[0], ContentIndex::Failed, (3, 0)),
        copy(&names[1], ContentIndex::Healthy, (0, 0)),
    ];
    (copies[1].barred, copies[1].status) = (&barred, CopyStatus::Failed);
    let ranking = rank(&copies, Order::CopyQueue);
    let why = "EX1: meets criterion 5 (fewer than 50 logs to replay); 3 logs to copy, preference 1";
    assert_eq!(ranking.ranked[0].to_string(), why);
    let reasons = [
        Refusal::ActivationSuspended,
        Refusal::Status(CopyStatus::Failed),
    ];
    assert_eq!(ranking.excluded[0].reasons, reasons);
}

/// Selection as the documentation tells it: sort, filter, then one criterion after the other.
fn oracle(copies: &[Candidate<'_>], order: Order) -> Option<usize> {
    let mut list: Vec<usize> = (0..copies.len()).collect();
    list.sort_by_key(|index| copies[*index].preference);
    if order == Order::CopyQueue {
        list.sort_by_key(|index| Reverse(copies[*index].last_inspected));
    }
    let eligible = [
        "Healthy",
        "DisconnectedAndHealthy",
        "DisconnectedAndResynchronizing",
        "SeedingSource",
    ];
    list.retain(|index| {
        let copy = &copies[*index];
        copy.barred.is_empty() && eligible.contains(&copy.status.as_str())
    });
    let levels = [
        HealthLevel::AllHealthy,
        HealthLevel::UpToNormalHealthy,
        HealthLevel::BetterThanSource,
        HealthLevel::SameAsSource,
    ];
    levels.into_iter().find_map(|level| {
        let healthy = list
            .iter()
            .filter(|index| copies[**index].health == Some(level));
        TABLE.into_iter().find_map(|row| {
            healthy
                .clone()
                .find(|index| meets(row, &copies[**index]))
                .copied()
        })
    })
}

prop_compose! {
    fn any_copy()(
        status in prop::sample::select(CopyStatus::ALL),
        index in prop::sample::select(&[ContentIndex::Healthy, ContentIndex::Crawling, ContentIndex::Failed][..]),
        copy_queue in prop_oneof![0..30_u64, Just(u64::MAX)],
        replay_queue in prop_oneof![0..100_u64, Just(u64::MAX)],
        inspected in prop::option::of(0..5_u64),
        health in prop::option::of(prop::sample::select(&[
            HealthLevel::AllHealthy, HealthLevel::UpToNormalHealthy,
            HealthLevel::BetterThanSource, HealthLevel::SameAsSource,
        ][..])),
        barred in 0..4_u8,
    ) -> (CopyStatus, ContentIndex, u64, u64, Option<u64>, Option<HealthLevel>, bool) {
        (status, index, copy_queue, replay_queue, inspected, health, barred == 0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn selection_takes_what_the_oracle_takes_and_never_an_excluded_copy(
        copies in prop::collection::vec(any_copy(), 0..16), by_queue: bool,
    ) {
        let barred = [Refusal::ActivationSuspended];
        let names: Vec<MemberName> = (0..16).map(member).collect();
        let candidates: Vec<Candidate<'_>> = copies
            .iter()
            .zip(1..)
            .map(|((status, index, copy_queue, replay_queue, inspected, health, is_barred), n)| Candidate {
                member: &names[usize::from(n) - 1],
                preference: NonZeroU8::new(n).unwrap(),
                status: *status,
                content_index: *index,
                last_inspected: *inspected,
                copy_queue: QueueLength::new(*copy_queue),
                replay_queue: QueueLength::new(*replay_queue),
                health: *health,
                barred: if *is_barred { &barred } else { &[] },
            })
            .collect();
        let order = if by_queue { Order::CopyQueue } else { Order::Preference };
        let taken = best(&candidates, order);
        prop_assert_eq!(taken, oracle(&candidates, order));
        let ranking = rank(&candidates, order);
        prop_assert_eq!(ranking.ranked.len() + ranking.excluded.len(), candidates.len());
        prop_assert_eq!(ranking.ranked.first().map(|first| &first.member), taken.map(|index| &names[index]));
        prop_assert!(ranking.excluded.iter().all(|excluded| !excluded.reasons.is_empty()));
    }
}
