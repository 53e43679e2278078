//! Whatever breaks, in whatever order: what must never happen, and what must happen in the end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{ActivationMode, Check, DialOverride, Move, reseed};

/// Something that somebody does to the group.
#[derive(Debug, Clone)]
enum Deed {
    Power(usize, bool),
    Mapi(usize, bool),
    Replication(usize, bool),
    Services(usize, bool),
    DomainController(usize, bool),
    Volume(usize, usize, bool),
    Page(usize, usize),
    Seed(usize, usize, SeedParts),
    Witness(bool),
    Move(usize, usize, bool),
    Suspend(usize, usize),
    Resume(usize, usize),
    /// A copy is taken away and added again.
    Renew(usize, usize),
    Stop(usize),
    Start(usize),
    Restore,
    Wait(u64),
}

const MEMBERS: [&str; 3] = ["EX1", "EX2", "EX3"];
const DATABASES: [&str; 3] = ["DB1", "DB2", "DB3"];

fn deed() -> impl Strategy<Value = Deed> {
    let one = 0..3_usize;
    let other = 0..3_usize;
    prop_oneof![
        (one.clone(), any::<bool>()).prop_map(|(m, on)| Deed::Power(m, on)),
        (one.clone(), any::<bool>()).prop_map(|(m, on)| Deed::Mapi(m, on)),
        (one.clone(), any::<bool>()).prop_map(|(m, on)| Deed::Replication(m, on)),
        (one.clone(), any::<bool>()).prop_map(|(m, on)| Deed::Services(m, on)),
        (one.clone(), any::<bool>()).prop_map(|(m, on)| Deed::DomainController(m, on)),
        (one.clone(), other.clone(), any::<bool>()).prop_map(|(d, m, on)| Deed::Volume(d, m, on)),
        (one.clone(), other.clone()).prop_map(|(d, m)| Deed::Page(d, m)),
        (one.clone(), other.clone(), parts()).prop_map(|(d, m, of)| Deed::Seed(d, m, of)),
        any::<bool>().prop_map(Deed::Witness),
        (one.clone(), other.clone(), any::<bool>()).prop_map(|(d, m, skip)| Deed::Move(d, m, skip)),
        (one.clone(), other.clone()).prop_map(|(d, m)| Deed::Suspend(d, m)),
        (one.clone(), other.clone()).prop_map(|(d, m)| Deed::Resume(d, m)),
        (one.clone(), other).prop_map(|(d, m)| Deed::Renew(d, m)),
        one.clone().prop_map(Deed::Stop),
        one.prop_map(Deed::Start),
        Just(Deed::Restore),
        (1..600_u64).prop_map(Deed::Wait),
        (1..600_u64).prop_map(Deed::Wait),
    ]
}

fn parts() -> impl Strategy<Value = SeedParts> {
    prop_oneof![
        Just(SeedParts::DatabaseAndIndex),
        Just(SeedParts::Database),
        Just(SeedParts::Index),
    ]
}

fn do_it(lab: &mut Lab, deed: &Deed) {
    let (cluster, name) = (lab.cluster.clone(), |m: usize| member(MEMBERS[m]));
    let of = |d: usize| database(DATABASES[d]);
    let copy = |d: usize, m: usize| CopyId::new(&of(d), &name(m));
    match *deed {
        Deed::Power(m, true) => cluster.member_up(&name(m)).unwrap(),
        Deed::Power(m, false) => cluster.member_down(&name(m)).unwrap(),
        Deed::Mapi(m, on) => cluster.set_mapi_network(&name(m), on).unwrap(),
        Deed::Replication(m, on) => cluster.set_replication_network(&name(m), on).unwrap(),
        Deed::Services(m, on) => cluster.set_services(&name(m), on).unwrap(),
        Deed::DomainController(m, on) => cluster.set_domain_controller(&name(m), on).unwrap(),
        Deed::Volume(d, m, on) => cluster.set_volume(&of(d), &name(m), on).unwrap(),
        Deed::Page(d, m) => cluster.damage_page(&of(d), &name(m)).unwrap(),
        Deed::Seed(d, m, parts) => {
            lab.act(&Action::Reseed {
                copy: copy(d, m),
                parts,
                source: None,
                manual_resume: false,
            });
        }
        Deed::Witness(on) => cluster.set_witness(on),
        Deed::Move(d, m, skips) => {
            let all = [Check::Health, Check::Lag, Check::ClientExperience];
            let skip = if skips { all.into() } else { [].into() };
            let dial = DialOverride::OfServer;
            let wanted = Move::lossless(&of(d), &name(m));
            lab.act(&Action::Move(Move {
                dial,
                skip,
                ..wanted
            }));
        }
        Deed::Suspend(d, m) => {
            let comment = "chance".to_owned();
            lab.act(&Action::Suspend {
                copy: copy(d, m),
                comment,
            });
        }
        Deed::Resume(d, m) => {
            lab.act(&Action::Resume {
                copy: copy(d, m),
                replication_only: false,
            });
        }
        Deed::Renew(d, m) if may_be_added(&cluster.world(), d, m) => {
            let settings = lab.dag().databases[&of(d)].copies[&name(m)];
            let (copy, seeding_postponed) = (copy(d, m), false);
            lab.act(&Action::RemoveCopy { copy: copy.clone() });
            lab.act(&Action::AddCopy {
                copy,
                settings,
                seeding_postponed,
            });
        }
        Deed::Renew(..) => {}
        Deed::Stop(m) => {
            lab.act(&Action::StopMember { member: name(m) });
        }
        Deed::Start(m) => {
            lab.act(&Action::StartMember { member: name(m) });
        }
        Deed::Restore => {
            lab.act(&Action::RestoreGroup);
        }
        Deed::Wait(seconds) => lab.seconds(seconds),
    }
}

/// Whether a copy that is taken away can be added again.
fn may_be_added(world: &World, d: usize, m: usize) -> bool {
    let free = !world.is_seeding_source(d, world.stores[d].active);
    world.dag.quorum && world.works(m) && free
}

fn lab(shipping: u64, mode: ActivationMode) -> Lab {
    let rotated = |n: usize| [MEMBERS[n], MEMBERS[(n + 1) % 3], MEMBERS[(n + 2) % 3]];
    let orders = [rotated(0), rotated(1), rotated(2)];
    let databases: Vec<(&str, &[&str])> = DATABASES
        .iter()
        .zip(&orders)
        .map(|(name, on)| (*name, &on[..]))
        .collect();
    let dag = Dag {
        activation_mode: mode,
        ..group(&MEMBERS, &databases)
    };
    let shipping_delay = Duration::from_secs(shipping);
    let lab = Lab::new(
        dag,
        Settings {
            shipping_delay,
            ..Settings::default()
        },
    );
    for (name, rate) in DATABASES.iter().zip([900, 3_600, 7_000]) {
        lab.load(name, rate);
    }
    lab
}

/// What must hold at every moment.
fn hold(lab: &Lab) -> Result<(), TestCaseError> {
    let dag = lab.dag();
    let copies = lab.cluster.world().copy_states();
    for state in &copies {
        let of = &dag.databases[&state.copy.database];
        prop_assert_eq!(state.active, of.active == state.copy.member);
        if state.status == CopyStatus::Mounted {
            prop_assert!(state.active && of.mounted && dag.quorum, "{:?}", state);
        }
        prop_assert!(
            state.logs.is_none_or(|logs| logs.is_consistent()),
            "{:?}",
            state
        );
    }
    for (name, database) in &dag.databases {
        let mounted = copies
            .iter()
            .filter(|state| state.copy.database == *name && state.status == CopyStatus::Mounted);
        prop_assert_eq!(mounted.count(), usize::from(database.mounted));
    }
    Ok(())
}

/// Everything that was broken is well again, and nobody holds anything back.
fn heal(lab: &mut Lab) {
    lab.cluster.set_witness(true);
    for m in 0..3 {
        for deed in [
            Deed::Mapi(m, true),
            Deed::Replication(m, true),
            Deed::DomainController(m, true),
            Deed::Services(m, true),
            Deed::Power(m, true),
        ] {
            do_it(lab, &deed);
        }
        for d in 0..3 {
            do_it(lab, &Deed::Volume(d, m, true));
        }
    }
    lab.minutes(5);
    do_it(lab, &Deed::Restore);
    lab.minutes(5);
    for m in 0..3 {
        do_it(lab, &Deed::Start(m));
    }
    lab.minutes(5);
    for (d, m) in (0..3).flat_map(|d| (0..3).map(move |m| (d, m))) {
        do_it(lab, &Deed::Resume(d, m));
    }
    lab.minutes(5);
    // A source seeds one copy at a time: the other is refused and has its turn later.
    for _ in MEMBERS {
        let copies = lab.cluster.world().copy_states();
        let resumed = copies.iter().map(|state| (state.copy.clone(), 3));
        for step in reseed(&copies, &resumed.collect(), &BTreeSet::new()) {
            lab.act(&step.action);
        }
        lab.minutes(30);
    }
    lab.minutes(24 * 60);
}

/// A failover from a copy with fewer logs to one of an older branch with more: the logs step up,
/// and a copy that waited for just that many was to wait for ever.
#[test]
fn a_copy_is_healthy_in_the_end_though_its_new_active_copy_had_more_logs_than_the_last() {
    let mut lab = lab(1, ActivationMode::Off);
    for deed in [
        Deed::Replication(1, false),
        Deed::Wait(4),
        Deed::Mapi(1, false),
        Deed::Move(0, 2, false),
        Deed::Move(0, 1, false),
        Deed::Power(1, false),
    ] {
        do_it(&mut lab, &deed);
    }
    heal(&mut lab);
    for state in lab.cluster.world().copy_states() {
        assert!(state.status.is_well(), "{state:?}");
    }
}

type Told = (Vec<Event>, Vec<CopyState>);

/// What has happened to a group and how its copies stand, when nobody looks on the way and when
/// somebody does every so many seconds.
fn looked_at(deeds: &[Deed], shipping: u64, look: u64) -> (Told, Told) {
    let (mut once, mut often) = (
        lab(shipping, ActivationMode::Off),
        lab(shipping, ActivationMode::Off),
    );
    for deed in deeds {
        do_it(&mut once, deed);
        if let Deed::Wait(seconds) = deed {
            for second in 1..=*seconds {
                often.seconds(1);
                if second % look == 0 {
                    often.cluster.world().copy_states();
                }
            }
        } else {
            do_it(&mut often, deed);
        }
    }
    let told = |lab: &Lab| {
        (
            lab.cluster.drain_events(),
            lab.cluster.world().copy_states(),
        )
    };
    (told(&once), told(&often))
}

/// A failover cut logs that a copy had, but nobody had looked at it since it had them.
#[test]
fn a_copy_whose_logs_were_taken_back_had_them_whether_or_not_somebody_looked() {
    let deeds = [
        Deed::Wait(30),
        Deed::Replication(2, false),
        Deed::Mapi(0, false),
        Deed::Move(0, 2, false),
    ];
    let (once, often) = looked_at(&deeds, 0, 1);
    assert_eq!(once, often);
}

/// A copy was still replaying when it became the active one, and went on only when looked at.
#[test]
fn an_active_copy_is_mounted_at_the_same_time_whether_or_not_somebody_looked() {
    let deeds = [
        Deed::Services(0, false),
        Deed::Wait(1),
        Deed::Move(2, 1, false),
        Deed::Power(1, false),
        Deed::Services(2, false),
        Deed::Power(1, true),
        Deed::Wait(62),
    ];
    let (once, often) = looked_at(&deeds, 1, 1);
    assert_eq!(once, often);
}

proptest! {
    #[test]
    fn no_committed_log_is_lost_beyond_the_dial_and_a_healed_group_is_whole_again(
        deeds in prop::collection::vec(deed(), 0..40), shipping in 0..9_u64, coordinated: bool,
    ) {
        let mode = if coordinated { ActivationMode::DagOnly } else { ActivationMode::Off };
        let mut lab = lab(shipping, mode);
        let mut told = [0; 3];
        for deed in &deeds {
            do_it(&mut lab, deed);
            hold(&lab)?;
            for event in lab.cluster.drain_events() {
                if let Happening::DatabaseActivated { database: of, logs_lost, .. } = event.what {
                    prop_assert!(logs_lost <= 6, "beyond GoodAvailability: {}", logs_lost);
                    let index = DATABASES.iter().position(|name| of == database(name)).unwrap();
                    told[index] += logs_lost;
                }
            }
            for (name, told) in DATABASES.iter().zip(told) {
                let lost = lab.cluster.logs_lost(&database(name)).unwrap();
                prop_assert!(lost <= told, "{} lost {} and told of {}", name, lost, told);
            }
        }
        heal(&mut lab);
        hold(&lab)?;
        for state in lab.cluster.world().copy_states() {
            prop_assert!(state.status.is_well(), "{:?}", state);
        }
        prop_assert!(lab.dag().databases.values().all(|database| database.mounted));
    }

    #[test]
    fn it_does_not_matter_how_often_somebody_looks(
        deeds in prop::collection::vec(deed(), 0..30), shipping in 0..9_u64, look in 1..50_u64,
    ) {
        let (once, often) = looked_at(&deeds, shipping, look);
        prop_assert_eq!(once, often);
    }
}
