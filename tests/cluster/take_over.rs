//! A leader that is killed, that ends, or that falls asleep.

use std::thread::sleep;
use std::time::{Duration, Instant};

use coldspare_persona::PersonaState;
use serde_json::json;

use super::engine::Engine;
use super::failover::bring_up;
use super::history::History;
use super::member::Member;
use super::persona::Persona;
use super::process::within;

const LEASE: Duration = Duration::from_secs(3);
/// Longer than a server may be silent, and what follows takes.
const PEACE: Duration = Duration::from_secs(3);
/// Long enough for a commit to reach a node, and shorter than a controller waits for its answer.
const UNDER_WAY: Duration = Duration::from_millis(500);

#[test]
fn an_idle_follower_takes_over_within_the_lease_and_touches_nothing() {
    let Some(engine) = Engine::start() else {
        return;
    };
    let mut history = History::of(&engine);
    let mut members = ["a", "b"].map(|name| Member::new(&engine, name, LEASE));
    members[0].begin();
    let (mut asker, _) = members[0].leads();
    members[1].begin();
    members[1].follows("this controller follows: a leads");
    let persona = Persona::new(&members);
    let home = bring_up(&engine, &mut history, &mut asker, &persona);
    sleep(PEACE);
    let before = (engine.journal(), history.records());

    members[0].process().kill();
    let (_, killed) = members[1].leads();
    assert!(killed <= LEASE + Duration::from_secs(1), "{killed:?}");
    sleep(PEACE);
    members[0].begin();
    members[0].follows("b leads");

    let began = Instant::now();
    let ended = members[1].process().terminate();
    assert_eq!(ended, Some(0), "{}", members[1].process().log());
    let (mut asker, _) = members[0].leads();
    let handed_over = began.elapsed();
    assert!(handed_over < LEASE / 2, "{handed_over:?}");
    sleep(PEACE);

    // Not one commit, so no fence, no run and no generation.
    assert_eq!((engine.journal(), history.records()), before);
    let status = asker.ask(&json!({"verb": "status"})).unwrap();
    let of = &status["reply"]["status"]["personas"][0];
    assert_eq!(of["state"], "running", "{status}");
    assert_eq!(of["home"], home.server.as_str(), "{status}");
    let last = history.records().pop().unwrap();
    assert_eq!(last.state, PersonaState::Running);
    println!(
        "lease {LEASE:?}: killed, another leads after {killed:.2?}; ended, after {handed_over:.2?}"
    );
}

#[test]
fn what_a_leader_asked_for_before_it_fell_asleep_is_not_recorded_once_another_leads() {
    let Some(engine) = Engine::start() else {
        return;
    };
    let mut members = ["a", "b"].map(|name| Member::new(&engine, name, LEASE));
    members[0].begin();
    let (mut before, _) = members[0].leads();
    members[1].begin();
    members[1].follows("a leads");

    // Its commit waits at the node of etcd that it asks first.
    engine.nodes.pause(0);
    let late = json!({"verb": "maintenance", "server": "r720-1", "on": true});
    before.send(&late).unwrap();
    sleep(UNDER_WAY);
    members[0].process().signal("STOP");
    let (mut asker, slept) = members[1].leads();
    engine.nodes.resume(0);
    engine.wait(engine.nodes.is_ready());
    sleep(UNDER_WAY);
    members[0].process().signal("CONT");
    let answer = before.answer();
    let accepted = answer.is_some_and(|answer| answer["reply"]["accepted"].is_string());
    assert!(!accepted, "what it can no longer record");
    within("it knows who leads", || {
        let said = members[0].says()?;
        said.ends_with("b leads").then_some(())
    });
    let status = asker.ask(&json!({"verb": "status"})).unwrap();
    let servers = &status["reply"]["status"]["servers"];
    assert_eq!(servers[0]["maintenance"], false, "{status}");
    let journal = engine.journal();
    let recorded = journal
        .iter()
        .any(|line| line["what"] == "r720-1 in maintenance");
    assert!(!recorded, "{journal:#?}");
    // The same may be asked of the one that leads.
    let answer = asker.ask(&late).unwrap();
    assert!(answer["reply"]["accepted"].is_string(), "{answer}");
    println!("asleep for {slept:.2?}, it records nothing when it wakes");
}
