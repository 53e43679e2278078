//! Leaders that are killed while commands stream in.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::member::{Member, leader};
use super::streams;

const LEASE: Duration = Duration::from_secs(1);

/// How often a leader is killed: `COLDSPARE_LEADERS`, or 6 times.
fn kills() -> u32 {
    let kills = std::env::var("COLDSPARE_LEADERS").ok();
    kills.map_or(6, |kills| kills.parse().unwrap())
}

#[test]
fn whichever_leader_is_killed_nothing_that_was_acknowledged_is_lost_or_done_twice() {
    let Some(engine) = Engine::start() else {
        return;
    };
    let mut members = ["a", "b", "c"].map(|name| Member::new(&engine, name, LEASE));
    members.iter_mut().for_each(Member::begin);
    let sockets = members.each_ref().map(Member::socket);
    let (kills, began) = (kills(), Instant::now());
    let (ledgers, ()) = streams::stream(&sockets, |_| {
        let mut dice = 2012_u64;
        for _ in 0..kills {
            let leads = leader(&members);
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sleep(Duration::from_millis((dice >> 33) % 800));
            for follower in (0..3).filter(|it| *it != leads) {
                members[follower].follows(&format!("{} leads", ["a", "b", "c"][leads]));
            }
            members[leads].process().kill();
            members[leads].begin();
        }
    });
    let told = streams::none_lost(&ledgers, &engine.journal());
    println!("{kills} leaders killed in {:.0?}: {told}", began.elapsed());
}
