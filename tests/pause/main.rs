//! Two controllers on the paper's site. The first one leads, and falls asleep at every call that it
//! makes in turn; the other one takes over. When the first wakes, its late call arrives, its timers
//! fire and its commits are made. In the end everything is as if nobody had slept: nobody was fenced
//! or started once more than needed, and no checker has found anything.
//!
//! Two real shells with their leases, on one store and one data centre in memory. What a controller
//! asks of a device or a store passes a gate, which counts the calls and holds them.
//!
//! | room | holds |
//! |---|---|
//! | `gate` | where a controller sleeps, and when what it sent arrives |
//! | `seams` | devices and store beyond a gate |
//! | `member` | one controller: it stands for leadership, and looks after the site while it leads |
//! | `story` | what a controller may be in the midst of |
//! | `scene` | both of them on the paper's site, watched by every checker |
//!
//! All of it is left to a build that is made to be fast: `cargo test --release --test pause`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod gate;
mod member;
mod scene;
mod seams;
mod story;

use std::sync::Arc;

use gate::{Kind, Lands, Sleep};
use member::Lack;
use scene::{Nap, Wakes, play};
use story::Story;

const HEALED: &str = "a healed site converges";
const LANDS: [Lands; 3] = [Lands::AtOnce, Lands::Late, Lands::OnWaking];
const WAKES: [Wakes; 3] = [Wakes::AsItChanges, Wakes::AsItGives, Wakes::Afterwards];

/// Every nap at one of these calls that differs from all others.
fn naps(calls: &[Kind]) -> impl Iterator<Item = (Kind, Nap)> {
    let numbered = calls.iter().zip(1..);
    numbered.flat_map(|(kind, at)| {
        // When a look lands changes nothing, but for the answer.
        let lands = LANDS.into_iter();
        let lands = lands.filter(|lands| *kind != Kind::Looks || *lands != Lands::Late);
        lands.flat_map(move |lands| {
            let sleep = Sleep { at, lands };
            WAKES.map(|wakes| (*kind, Nap { sleep, wakes }))
        })
    })
}

impl Story {
    /// Whether a call that is sent after the lease may leave something undone: nobody keeps it from
    /// being done. A drain leaves the work elsewhere. Where the other leader has planned anew, the
    /// server may be a home again that is powered off or parked, so that its work is taken over
    /// elsewhere; or a spare that is armed or powered on, which boots nothing, since its admission is
    /// gone. The checkers say that nobody is harmed.
    fn is_undone_by(self, kind: Kind, lands: Lands) -> bool {
        let late = lands == Lands::OnWaking;
        let anew =
            self == Self::BadSpare && matches!(kind, Kind::Switches | Kind::Gives | Kind::Changes);
        late && (kind == Kind::Drains || anew)
    }

    fn survives_every_nap(self) {
        let site = Arc::new(self.site());
        let undisturbed = play(self, &site, None, None);
        assert_eq!(undisturbed.found, [""; 0], "{self:?}");
        let (mut tried, mut wrong) = (0, Vec::new());
        for (kind, nap) in naps(&undisturbed.calls) {
            let mut played = play(self, &site, Some(nap), None);
            if nap.wakes != Wakes::Afterwards && !played.woken {
                // It slept until afterwards.
                continue;
            }
            tried += 1;
            if self.is_undone_by(kind, nap.sleep.lands) {
                played.found.retain(|found| !found.starts_with(HEALED));
            } else {
                played.found.extend(played.end.unlike(&undisturbed.end));
            }
            if !played.found.is_empty() {
                wrong.push(format!("{kind:?}, {nap:?}: {:?}", played.found));
            }
        }
        let calls = undisturbed.calls.len();
        println!("{self:?}: a leader sleeps {tried} times, at each of {calls} calls");
        assert!(
            wrong.is_empty(),
            "{} are wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

macro_rules! survives_every_nap {
    ($($name:ident: $story:ident,)*) => {$(
        #[test]
        #[cfg_attr(debug_assertions, ignore = "large: run it with --release")]
        fn $name() {
            Story::$story.survives_every_nap();
        }
    )*};
}

survives_every_nap! {
    a_leader_that_sleeps_at_any_call_of_its_first_look_at_a_running_site_harms_nobody: Adoption,
    nor_of_a_failover: Failover,
    nor_of_one_whose_first_spare_does_not_boot: BadSpare,
    nor_while_a_server_whose_power_returns_becomes_a_spare: Repair,
    nor_of_a_move: Move,
    nor_of_a_move_back: MoveBack,
    nor_of_a_stop: Stop,
    nor_of_a_start: Start,
    nor_while_a_server_goes_in_and_out_of_maintenance: Maintenance,
    nor_while_a_person_says_that_a_server_is_fenced: Word,
    nor_while_everything_is_paused: Pause,
    nor_while_the_site_changes: Change,
    nor_while_it_starts_anew_with_other_limits: OtherLimits,
}

/// Whether a controller that lacks a safeguard is caught at any of its calls.
fn is_caught(lack: Lack, lands: Lands, wakes: Wakes, by: &str) -> bool {
    let site = Arc::new(Story::Failover.site());
    let calls = play(Story::Failover, &site, None, None).calls.len();
    (1..=calls).any(|at| {
        let sleep = Sleep { at, lands };
        let played = play(
            Story::Failover,
            &site,
            Some(Nap { sleep, wakes }),
            Some(lack),
        );
        played.found.iter().any(|found| found.starts_with(by))
    })
}

#[test]
fn whose_commits_expect_no_term_is_caught() {
    let by = "it records something while another one leads";
    assert!(is_caught(
        Lack::Term,
        Lands::OnWaking,
        Wakes::AsItChanges,
        by
    ));
}

#[test]
fn a_new_leader_that_does_not_wait_is_caught() {
    let by = "it gives while a call of its predecessor is under way";
    assert!(is_caught(Lack::Wait, Lands::Late, Wakes::Afterwards, by));
}
