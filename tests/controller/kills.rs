//! A controller that is killed again and again, while commands stream in: nothing that it has
//! acknowledged is lost.

use std::thread;
use std::time::{Duration, Instant};

use super::process::Place;
use super::{SITE, journal_of, streams};

/// How often it is killed: `COLDSPARE_KILLS`, or 20 times.
fn kills() -> u32 {
    let kills = std::env::var("COLDSPARE_KILLS").ok();
    kills.map_or(20, |kills| kills.parse().unwrap())
}

#[test]
fn a_controller_that_is_killed_at_any_moment_has_lost_nothing_that_it_acknowledged() {
    let place = Place::new();
    let (kills, began) = (kills(), Instant::now());
    let mut controller = place.start(&["--site", SITE]);
    let (ledgers, ()) = streams::stream(&[place.socket()], |_| {
        let mut dice = 2012_u64;
        for _ in 0..kills {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Also before it answers.
            thread::sleep(Duration::from_millis(20 + (dice >> 33) % 400));
            controller.kill();
            controller = place.spawn(&["--site", SITE]);
        }
    });
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());
    let told = streams::none_lost(&ledgers, &journal_of(&place));
    println!("{kills} kills in {:.0?}: {told}", began.elapsed());
}
