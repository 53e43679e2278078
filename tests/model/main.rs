//! Two controllers, three servers, two personas, and what may go wrong between them: power, answers,
//! pauses and deaths, in every order that so many of them allow.
//!
//! The real [`coldspare::Core`], the real steps, [`coldspare_store::Candidate`] and
//! [`coldspare::leading::Tenure`] run in a world of plain values. Whatever takes no time is done in
//! its order, one thing after the other; a search then tries everything that [`Action`] names at
//! every moment at which it may happen, as often as [`Left`] allows. Time passes in ticks.
//!
//! | room | holds |
//! |---|---|
//! | `plant` | servers, an array and a switch, as values |
//! | `handles` | the seams over them |
//! | `line` | steps that are left off, and gone on with |
//! | `controller` | one controller: it stands for leadership, and its core decides |
//! | `model` | the state of everything, and what may happen in it |
//! | `happen` | what follows when it does |
//! | `shown` | states compared and printed |
//! | `broken` | controllers that lack one safeguard |
//!
//! What is large is left to a build that is made to be fast: `cargo test --release --test model`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broken;
mod controller;
mod handles;
mod happen;
mod line;
mod model;
mod plant;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coldspare::site::Site;
use coldspare_heartbeat::Profile;
use coldspare_names::ServerName;
use coldspare_persona::{CallLimits, PoolPolicy};
use coldspare_san::memory::MemoryArray;
use coldspare_san::{ArrayTraits, StampKeeper};
use stateright::{Checker, HasDiscoveries, Model, Property};

use broken::Lack;
use model::{Action, Failure, Left, Rules, State};
use plant::{Iron, TICK};

const ONE_WRITER: &str = "never two writers";
const ONE_HOME: &str = "never two homes";
const EXPLAINED: &str = "every persona at home in the end, or explained";
const TERM: &str = "nobody records anything in a term that is over";
const MOVED: &str = "a persona moves to the spare";

/// How long one call to an array may take.
const LONGEST: Duration = TICK.saturating_mul(12);
/// How long a lease lasts: longer than the longest call that gives.
const LEASE: Duration = TICK.saturating_mul(16);

/// What [`MemoryArray`] is: it binds, and keeps stamps.
const WHOLE: ArrayTraits = MemoryArray::TRAITS;
/// It keeps no stamps, and compares only when it is called, not when it is done.
const NO_STAMPS: ArrayTraits = ArrayTraits {
    stamps: StampKeeper::Nobody,
    ..WHOLE
};
const NO_BINDING: ArrayTraits = ArrayTraits {
    binds_by_address: false,
    binds_by_secret: false,
    ..WHOLE
};

impl Model for Rules {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::running(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        state.apply(self, action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_WRITER, |rules: &Rules, state: &State| {
                let mut personas = rules.iron.site.personas.keys();
                personas.all(|persona| state.plant.writers(persona) <= 1)
            }),
            Property::always(ONE_HOME, |rules: &Rules, state: &State| {
                let mut personas = rules.iron.site.personas.keys();
                personas.all(|persona| state.plant.actors(&rules.iron, persona) <= 1)
            }),
            Property::always(EXPLAINED, |rules: &Rules, state: &State| {
                let mut personas = rules.iron.site.personas.keys();
                !state.is_over() || personas.all(|persona| state.is_explained(persona))
            }),
            Property::always(TERM, |_, state: &State| !state.trespassed),
            Property::sometimes(MOVED, |_, state: &State| {
                let home = state.plant.home(&"p1".parse().expect("a good name"));
                home.is_some_and(|home| home.as_str() == "s3")
            }),
        ]
    }
}

fn site() -> Site {
    let mut site = Site::parse(include_str!("site.toml"), "site.toml").unwrap();
    site.heartbeat = Profile {
        period: TICK,
        silence: TICK * 3 / 2,
        path_silence: TICK * 3 / 2,
        probe_every: TICK,
        answer_limit: TICK,
        ask_again: TICK,
        idle_limit: TICK * 2,
        disk_silence: TICK * 2,
        san_limit: TICK * 4,
        ceiling: TICK * 2,
        window: TICK,
        linger: TICK * 2,
        lateness: TICK,
    };
    let call_limits = CallLimits {
        bmc: TICK,
        switch: TICK,
        array: LONGEST,
    };
    for pool in site.pools.values_mut() {
        pool.policy = PoolPolicy {
            off_pause: Duration::ZERO,
            call_limits,
            ..PoolPolicy::default()
        };
    }
    site
}

/// Any server may fail in any way while no controller has anything to do; controllers break down in
/// the midst of anything, and send late what they were about to send.
fn rules(traits: ArrayTraits, left: Left) -> Rules {
    let site = Arc::new(site());
    let servers = site.servers.keys().cloned();
    let both = [Failure::Blackout, Failure::Freeze];
    Rules {
        fragile: servers
            .flat_map(|name| both.map(|how| (name.clone(), how)))
            .collect(),
        iron: Arc::new(Iron { site, traits }),
        lack: Lack::Nothing,
        left,
        at_any_moment: false,
        break_giving: false,
        sends_late: true,
    }
}

/// The first server stands still, later the spare that took over loses its mains for a while; and
/// whoever leads breaks down while it gives.
fn giver(traits: ArrayTraits) -> Rules {
    let left = Left {
        faults: 2,
        mends: 1,
        breaks: 1,
        mishaps: 0,
    };
    Rules {
        fragile: [
            ("s1".parse().unwrap(), Failure::Freeze),
            ("s3".parse().unwrap(), Failure::Blackout),
        ]
        .into(),
        break_giving: true,
        ..rules(traits, left)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a search takes is printed"
)]
fn now() -> Instant {
    Instant::now()
}

/// Searches until something is violated, prints how much there was, and says what was found, in
/// order of its name: whatever was violated, and [`MOVED`] if a persona moved.
fn found(what: &str, rules: Rules) -> Vec<&'static str> {
    let began = now();
    let search = rules.checker().finish_when(HasDiscoveries::AnyFailures);
    let searched = search.spawn_dfs().join();
    println!(
        "{what}: {} states, {} of them different, {} actions deep, in {:.1?}",
        searched.state_count(),
        searched.unique_state_count(),
        searched.max_depth(),
        began.elapsed()
    );
    let discoveries: BTreeMap<_, _> = searched.discoveries().into_iter().collect();
    let found = discoveries.keys().copied().collect();
    for (name, path) in discoveries.into_iter().filter(|(name, _)| *name != MOVED) {
        println!("  not {name}: {:?}", path.into_actions());
    }
    found
}

fn violated(what: &str, rules: Rules) -> Vec<&'static str> {
    let mut found = found(what, rules);
    found.retain(|name| *name != MOVED);
    found
}

/// Nothing is violated, and not for want of deeds.
#[track_caller]
fn assert_holds(what: &str, rules: Rules) {
    assert!(rules.left.faults > 0, "nothing makes a persona move");
    assert_eq!(found(what, rules), [MOVED]);
}

#[test]
fn a_server_that_fails_at_any_moment_and_a_lost_or_late_answer_harm_nobody() {
    let left = Left {
        faults: 1,
        mends: 1,
        breaks: 0,
        mishaps: 0,
    };
    let rules_of = |left| Rules {
        at_any_moment: true,
        ..rules(WHOLE, left)
    };
    assert_holds("a server fails", rules_of(left));
    let left = Left {
        mends: 0,
        mishaps: 1,
        ..left
    };
    assert_holds("a server fails, an answer is lost", rules_of(left));
}

#[test]
fn who_only_says_why_nothing_can_be_done_harms_nobody_and_moves_nothing() {
    let left = Left {
        faults: 1,
        mends: 0,
        breaks: 0,
        mishaps: 0,
    };
    let broken = Rules {
        lack: Lack::Deeds,
        ..rules(WHOLE, left)
    };
    assert_eq!(found("no deeds", broken), [""; 0]);
}

#[test]
fn who_gives_without_proof_gets_a_second_writer() {
    let left = Left {
        faults: 1,
        mends: 1,
        breaks: 0,
        mishaps: 0,
    };
    let broken = Rules {
        lack: Lack::Proof,
        ..rules(WHOLE, left)
    };
    assert_eq!(violated("no proof", broken), [ONE_HOME, ONE_WRITER]);
}

#[test]
fn whose_commits_expect_no_term_is_overtaken_and_writes_all_the_same() {
    let left = Left {
        faults: 1,
        mends: 0,
        breaks: 1,
        mishaps: 0,
    };
    let mut broken = Rules {
        lack: Lack::Term,
        ..rules(WHOLE, left)
    };
    broken.fragile = [("s1".parse().unwrap(), Failure::Freeze)].into();
    assert_eq!(violated("no term", broken), [TERM]);
}

#[test]
fn a_new_leader_that_does_not_wait_gets_a_second_writer_by_a_call_that_is_late() {
    let broken = Rules {
        lack: Lack::Wait,
        ..late_within_limits(giver(NO_STAMPS))
    };
    assert_eq!(violated("no wait", broken), [ONE_HOME, ONE_WRITER]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "large: run it with --release")]
fn where_arrays_keep_no_stamps_a_leader_that_sends_after_its_lease_gets_a_second_writer() {
    assert_eq!(
        violated("no stamp", giver(NO_STAMPS)),
        [ONE_HOME, ONE_WRITER]
    );
}

#[test]
#[cfg_attr(debug_assertions, ignore = "large: run it with --release")]
fn a_paused_or_dead_leader_harms_nobody_where_arrays_bind_and_keep_stamps() {
    assert_holds("a leader breaks down", rules(WHOLE, A_LEADER));
    assert_holds("and the power returns", of_first(rules(WHOLE, AND_MENDED)));
    assert_holds("a giver breaks down", giver(WHOLE));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "large: run it with --release")]
fn where_arrays_keep_no_stamps_the_wait_of_a_new_leader_is_enough_for_calls_that_are_late() {
    assert_holds("no stamps", late_within_limits(rules(NO_STAMPS, A_LEADER)));
    let mended = of_first(rules(NO_STAMPS, AND_MENDED));
    assert_holds(
        "no stamps, and the power returns",
        late_within_limits(mended),
    );
    assert_holds(
        "no stamps, a giver dies",
        late_within_limits(giver(NO_STAMPS)),
    );
}

#[test]
#[cfg_attr(debug_assertions, ignore = "large: run it with --release")]
fn a_paused_or_dead_leader_harms_nobody_where_arrays_do_not_bind() {
    let mut rules = of_first(rules(NO_BINDING, A_LEADER));
    rules.fragile.retain(|(_, how)| *how == Failure::Freeze);
    assert_holds("no binding", rules);
}

/// One server fails, and one leader breaks down; and the server is mended.
const A_LEADER: Left = Left {
    faults: 1,
    mends: 0,
    breaks: 1,
    mishaps: 0,
};
const AND_MENDED: Left = Left {
    mends: 1,
    ..A_LEADER
};

/// Only the first server fails.
fn of_first(rules: Rules) -> Rules {
    let of_first = |(server, _): &&(ServerName, Failure)| server.as_str() == "s1";
    Rules {
        fragile: rules.fragile.iter().filter(of_first).cloned().collect(),
        ..rules
    }
}

/// Nothing is sent after a lease: a call lands at most one limit after it was given up.
fn late_within_limits(rules: Rules) -> Rules {
    Rules {
        sends_late: false,
        ..rules
    }
}
