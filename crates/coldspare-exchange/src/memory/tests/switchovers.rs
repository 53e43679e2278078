//! Switchovers that are refused for what goes on around them.

use super::*;
use crate::switchover::MoveSuppression;
use crate::{Check, Move, Refusal};

fn lab(version: Version) -> Lab {
    let settings = Settings {
        move_suppression: Some(MoveSuppression {
            moves: 2,
            within: Duration::from_hours(1),
        }),
        ..Settings::default()
    };
    Lab::new(Dag { version, ..pair() }, settings)
}

fn moved(lab: &Lab, to: &str, skip: &[Check]) -> Result<(), Refusal> {
    let wanted = Move {
        skip: skip.iter().copied().collect(),
        ..Move::lossless(&database("DB1"), &member(to))
    };
    match lab.act(&Action::Move(wanted)) {
        Answer::Moved(_) => Ok(()),
        Answer::Refused(refusal) => Err(refusal),
        Answer::Done => panic!("a move is answered by where it went"),
    }
}

#[test]
fn a_busy_server_takes_no_database_unless_the_check_is_left_out() {
    let lab = lab(Version::V2016);
    lab.cluster.set_busy(&member("EX2"), 81).unwrap();
    let (member, percent) = (member("EX2"), 81);
    let busy = Err(Refusal::Busy { member, percent });
    assert_eq!(moved(&lab, "EX2", &[]), busy);
    assert_eq!(moved(&lab, "EX2", &[Check::MoveSuppression]), busy);
    assert_eq!(moved(&lab, "EX2", &[Check::Cpu]), Ok(()));
}

#[test]
fn a_database_does_not_go_to_and_fro_unless_the_check_is_left_out() {
    let mut lab = lab(Version::V2016);
    for to in ["EX2", "EX1"] {
        assert_eq!(moved(&lab, to, &[]), Ok(()));
        lab.minutes(10);
    }
    assert_eq!(moved(&lab, "EX2", &[]), Err(Refusal::Suppressed));
    assert_eq!(moved(&lab, "EX2", &[Check::Cpu]), Err(Refusal::Suppressed));
    assert_eq!(moved(&lab, "EX2", &[Check::MoveSuppression]), Ok(()));
    lab.minutes(39);
    assert_eq!(moved(&lab, "EX1", &[]), Err(Refusal::Suppressed));
    lab.minutes(11);
    assert_eq!(
        moved(&lab, "EX1", &[]),
        Ok(()),
        "the first two count no more"
    );
}

#[test]
fn a_failover_is_never_suppressed_and_nobody_is_before_2016() {
    for version in [Version::V2013, Version::V2016] {
        let mut lab = lab(version);
        for to in ["EX2", "EX1"] {
            assert_eq!(moved(&lab, to, &[]), Ok(()));
            lab.minutes(10);
        }
        let suppressed = moved(&lab, "EX2", &[]) == Err(Refusal::Suppressed);
        assert_eq!(suppressed, version == Version::V2016);
        lab.minutes(2);
        let (home, _) = lab.home("DB1");
        lab.cluster.member_down(&member(&home)).unwrap();
        lab.minutes(1);
        let (now, mounted) = lab.home("DB1");
        assert!(mounted && now != home);
    }
}
