//! What planning, selecting, judging and simulating groups costs, beside the slow and simple way.

#[path = "heartbeat/measure.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod measure;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::num::NonZeroU8;
use std::time::Duration;

use coldspare_exchange::best_copy::{Candidate, Order, best};
use coldspare_exchange::memory::{LoadProfile, Settings, SimulatedCluster};
use coldspare_exchange::server_health::HealthLevel;
use coldspare_exchange::{
    Balance, ContentIndex, CopyId, CopyState, CopyStatus, Dag, DagControl, Database, DatabaseName,
    Member, MemberName, QueueLength, Version, redistribute, resilience, switchover,
};
use coldspare_names::Time;
use futures::FutureExt;
use measure::{Contender, Dice, compare, is_test, target};

fn main() {
    redistribution();
    selection();
    many_groups();
    simulation();
}

/// A group in which every database has `copies` copies and is active on a random one of them.
fn group(name: &str, members: usize, databases: usize, copies: usize, dice: &mut Dice) -> Dag {
    let names: Vec<MemberName> = (0..members).map(|n| parsed(&format!("EX{n:02}"))).collect();
    let mut dag = Dag::new(parsed(name), Version::V2016).with_witness(parsed("FS1"));
    for (number, name) in names.iter().enumerate() {
        let site = ["North", "South"][number % 2];
        dag = dag.with_member(name.clone(), Member::at(parsed(site)));
    }
    for number in 0..databases {
        let on = (0..copies).map(|copy| names[(number + copy) % members].clone());
        let on: Vec<MemberName> = on.collect();
        let database: DatabaseName = parsed(&format!("DB{number:03}"));
        dag = dag.with_database(database.clone(), &on);
        let active = on[usize::try_from(dice.roll()).unwrap_or_default() % copies].clone();
        if let Some(of) = dag.databases.get_mut(&database) {
            of.active = active;
        }
    }
    dag
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().expect("the bench's own names are good")
}

fn states(dag: &Dag) -> Vec<CopyState> {
    let state = |copy: CopyId| {
        let active = dag.databases[&copy.database].active == copy.member;
        CopyState {
            status: if active {
                CopyStatus::Mounted
            } else {
                CopyStatus::Healthy
            },
            copy,
            active,
            activation_suspended: false,
            suspend_comment: None,
            replay_lag_off: false,
            error: None,
            content_index: ContentIndex::Healthy,
            copy_queue: QueueLength::new(0),
            replay_queue: QueueLength::new(0),
            logs: None,
        }
    };
    dag.copy_ids().map(state).collect()
}

/// The plan by preference as one would write it first: look at everything anew for every move.
fn naive_plan(dag: &Dag, copies: &[CopyState]) -> usize {
    let mut dag = dag.clone();
    let mut tried: Vec<(DatabaseName, MemberName)> = Vec::new();
    let mut moves = 0;
    loop {
        let mut sources: Vec<(usize, MemberName)> = dag
            .members
            .keys()
            .map(|name| (dag.active_on(name).count(), name.clone()))
            .collect();
        sources.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        let better = |name: &DatabaseName, of: &Database| {
            let here = of.active_preference()?;
            let untried = of.copies.iter().filter(|(member, copy)| {
                copy.preference < here && !tried.contains(&(name.clone(), (*member).clone()))
            });
            untried
                .min_by_key(|(_, copy)| copy.preference)
                .map(|(member, _)| member.clone())
        };
        let next = sources.iter().find_map(|(_, source)| {
            let here = dag.databases.iter().filter(|(_, of)| of.active == *source);
            let moves = here.filter_map(|(name, of)| Some((name.clone(), better(name, of)?)));
            moves.min_by_key(|(name, to)| (dag.active_on(to).count(), to.clone(), name.clone()))
        });
        let Some((name, to)) = next else { return moves };
        tried.push((name.clone(), to.clone()));
        let of = |member: &MemberName| {
            copies
                .iter()
                .find(|state| state.copy.database == name && state.copy.member == *member)
        };
        let active_there = u32::try_from(dag.active_on(&to).count()).unwrap_or_default();
        let fits = of(&to).is_some_and(|state| {
            let situation = switchover::Situation {
                active_there,
                ..switchover::Situation::default()
            };
            switchover::refusals(&dag, None, state, &situation, &BTreeSet::new()).is_empty()
        });
        if let Some(database) = dag.databases.get_mut(&name).filter(|_| fits) {
            database.active = to;
            moves += 1;
        }
    }
}

fn redistribution() {
    let dag = group("DAG1", 16, 100, 16, &mut Dice(7));
    let copies = states(&dag);
    let plan = || redistribute(&dag, &copies, Balance::ByActivationPreference);
    assert_eq!(
        plan().moves.len(),
        naive_plan(&dag, &copies),
        "both plan the same"
    );
    let by_site = Balance::BySiteAndActivationPreference {
        allowed_deviation: 20,
    };
    let times = compare(
        "A plan for 16 members and 1600 copies",
        "a plan",
        30,
        &mut [
            Contender::new("by activation preference", || {
                black_box(plan()).moves.len().min(1)
            }),
            Contender::new("by site and preference", || {
                black_box(redistribute(&dag, &copies, by_site))
                    .moves
                    .len()
                    .min(1)
            }),
            Contender::new("ignoring preference", || {
                let balance = Balance::IgnoringActivationPreference;
                black_box(redistribute(&dag, &copies, balance))
                    .databases
                    .len()
                    .min(1)
            }),
            Contender::new("naive oracle, by activation preference", || {
                black_box(naive_plan(&dag, &copies)).min(1)
            }),
        ],
    );
    target("a plan in milliseconds", times[0] / 1e6, 1.0);
}

/// Selection as the documentation tells it: sort, filter, then one criterion after the other.
fn naive_best(candidates: &[Candidate<'_>]) -> Option<usize> {
    let mut list: Vec<usize> = (0..candidates.len()).collect();
    list.sort_by_key(|index| candidates[*index].preference);
    list.sort_by_key(|index| std::cmp::Reverse(candidates[*index].last_inspected));
    list.retain(|index| !candidates[*index].is_excluded());
    (1..=10).find_map(|criterion| {
        let mut meeting = list
            .iter()
            .filter(|index| candidates[**index].criterion() == criterion);
        meeting.next().copied()
    })
}

fn selection() {
    let mut dice = Dice(11);
    let names: Vec<MemberName> = (0..16).map(|n| parsed(&format!("EX{n:02}"))).collect();
    let preferences = (1..=16).filter_map(NonZeroU8::new);
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .zip(preferences)
        .map(|(member, preference)| Candidate {
            member,
            preference,
            status: CopyStatus::Healthy,
            content_index: [ContentIndex::Healthy, ContentIndex::Crawling][dice.below(2) as usize],
            last_inspected: Some(u64::from(1_000 + dice.below(20))),
            copy_queue: QueueLength::new(u64::from(dice.below(20))),
            replay_queue: QueueLength::new(u64::from(dice.below(100))),
            health: Some(HealthLevel::AllHealthy),
            barred: &[],
        })
        .collect();
    assert_eq!(
        best(&candidates, Order::CopyQueue),
        naive_best(&candidates),
        "both take the same"
    );
    let many = 1_000;
    let times = compare(
        "The best copy of one database among 16",
        "a choice",
        200,
        &mut [
            Contender::new("one pass", || {
                for _ in 0..many {
                    black_box(best(black_box(&candidates), Order::CopyQueue));
                }
                many
            }),
            Contender::new("naive oracle: sort, filter, ten passes", || {
                for _ in 0..many {
                    black_box(naive_best(black_box(&candidates)));
                }
                many
            }),
        ],
    );
    target("a choice in microseconds", times[0] / 1e3, 2.0);
    let allocated = allocation_counter::measure(|| {
        black_box(best(black_box(&candidates), Order::CopyQueue));
    });
    println!("  -> allocations of a choice: {}", allocated.count_total);
}

fn many_groups() {
    let mut dice = Dice(13);
    let count = if is_test() { 100 } else { 10_000 };
    let groups: Vec<(Dag, Vec<CopyState>)> = (0..count)
        .map(|n| {
            let dag = group(&format!("DAG{n}"), 4, 8, 4, &mut dice);
            let copies = states(&dag);
            (dag, copies)
        })
        .collect();
    let judge = |groups: &[(Dag, Vec<CopyState>)]| {
        let judged = groups
            .iter()
            .map(|(dag, copies)| resilience(dag, copies).degraded.len());
        black_box(judged.sum::<usize>());
        groups.len()
    };
    let times = compare(
        "Watching many groups of 4 members and 32 copies, all judged in one pass",
        "a group",
        5,
        &mut [
            Contender::new("all of them (10000)", || judge(&groups)),
            Contender::new("half of them", || judge(&groups[..count / 2])),
            Contender::new("a tenth of them", || judge(&groups[..count / 10])),
        ],
    );
    // All and half are both more than the processor's caches hold; of a tenth much stays in them.
    target(
        "cost of a group among all against among half",
        times[0] / times[1],
        1.5,
    );
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds for a person to read"
    )]
    let pass = times[0] * count as f64 / 1e6;
    println!("  -> one pass over {count} groups: {pass:.1} ms");
}

/// A week of a large group under a load that differs by the hour; a member is lost and returns
/// every day, and somebody looks at every copy every hour.
fn simulated_week(days: u64, looks: bool, fails: bool) -> usize {
    let (members, databases) = (16, 100);
    let dag = group("DAG1", members, databases, 4, &mut Dice(17));
    let names: Vec<MemberName> = dag.members.keys().cloned().collect();
    let all: Vec<DatabaseName> = dag.databases.keys().cloned().collect();
    let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).expect("no defects");
    let mut hours = [100; 24];
    hours[8..18].copy_from_slice(&[
        2_000, 2_500, 3_000, 3_000, 2_000, 2_500, 3_000, 3_000, 2_000, 900,
    ]);
    for name in &all {
        cluster
            .set_load(name, LoadProfile::daily(hours))
            .expect("it exists");
    }
    for hour in 0..24 * days {
        let member = &names[usize::try_from(hour / 24).unwrap_or_default() % members];
        match hour % 24 {
            9 if fails => cluster.member_down(member).expect("it exists"),
            11 if fails => cluster.member_up(member).expect("it exists"),
            _ => {}
        }
        cluster.advance(Time::after_epoch(Duration::from_hours(hour + 1)));
        if looks {
            black_box(cluster.copies().now_or_never());
        }
        black_box(cluster.drain_events());
    }
    databases * usize::try_from(24 * days).unwrap_or_default()
}

fn simulation() {
    let days = if is_test() { 1 } else { 7 };
    let times = compare(
        "Simulating 16 members, 100 databases with 4 copies, a load that differs by the hour",
        "an hour",
        3,
        &mut [
            Contender::new("under load", || simulated_week(days, false, false)),
            Contender::new("and a member fails every day", || {
                simulated_week(days, false, true)
            }),
            Contender::new("and every copy is looked at every hour", || {
                simulated_week(days, true, true)
            }),
        ],
    );
    for time in &times {
        println!("  -> {:.0} database-hours a second", 1e9 / time);
    }
    target(
        "seconds for 10000 database-hours, with all of it",
        times[2] * 10_000.0 / 1e9,
        1.0,
    );
}
