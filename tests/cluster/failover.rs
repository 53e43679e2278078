//! A failover whose leader is killed in one stage after the other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use coldspare::Grant;
use coldspare::record::PersonaRecord;
use coldspare_persona::PersonaState;
use serde_json::{Value, json};

use super::engine::Engine;
use super::history::History;
use super::member::{LONGEST, Member, leader};
use super::persona::Persona;
use super::process::{Asker, within};

const LEASE: Duration = Duration::from_secs(2);

/// Has the persona started, lets its agent be heard, and says where it runs then.
pub(crate) fn bring_up(
    engine: &Engine,
    history: &mut History,
    asker: &mut Asker,
    persona: &Persona,
) -> Grant {
    let start = json!({"verb": "start", "persona": "exchange-1"});
    within("it starts", || {
        let answer = asker.ask(&start)?;
        answer["reply"]["accepted"].is_string().then_some(())
    });
    let waits = history.until(engine, |record| awaited(record).is_some());
    persona.runs_on(&awaited(&waits).unwrap());
    let up = history.until(engine, is_up);
    up.holding.home().unwrap()
}

/// Where it is waited for.
fn awaited(record: &PersonaRecord) -> Option<Grant> {
    let run = record.run.as_ref()?;
    run.awaits().and(run.to.clone())
}

fn is_up(record: &PersonaRecord) -> bool {
    record.state == PersonaState::Running && record.run.is_none()
}

#[test]
fn a_failover_goes_on_where_it_was_in_whatever_stage_its_leader_is_killed() {
    let Some(engine) = Engine::start() else {
        return;
    };
    let mut history = History::of(&engine);
    let mut members = ["a", "b"].map(|name| Member::new(&engine, name, LEASE));
    members[0].begin();
    let (mut asker, _) = members[0].leads();
    members[1].begin();
    members[1].follows("a leads");
    let persona = Persona::new(&members);
    let old = bring_up(&engine, &mut history, &mut asker, &persona);

    persona.dies();
    let mut killed_in: BTreeSet<usize> = BTreeSet::new();
    let mut longest = Duration::ZERO;
    loop {
        let leads = leader(&members);
        let killed = killed_in.clone();
        let reached = history.until(&engine, |record| match &record.run {
            Some(run) => !killed.contains(&run.stage),
            None => is_up(record) && record.holding.home().as_ref() != Some(&old),
        });
        if reached.run.is_none() {
            break;
        }
        members[leads].process().kill();
        let began = Instant::now();
        members[leads].begin();
        // It had come further before it died, perhaps to the end.
        let died = history.records().pop().unwrap();
        let Some(stage) = died.run.as_ref().map(|run| run.stage) else {
            continue;
        };
        killed_in.insert(stage);
        if let Some(grant) = awaited(&died) {
            leader(&members);
            persona.runs_on(&grant);
        }
        history.until(&engine, |record| {
            record.run.as_ref().is_none_or(|run| run.stage > stage)
        });
        let took = began.elapsed();
        println!("killed in stage {stage}: goes on after {took:.2?}");
        longest = longest.max(took);
    }
    let limit = LEASE + LONGEST + Duration::from_secs(1);
    assert!(longest <= limit, "{longest:?} > {limit:?}");

    let records = history.records();
    let runs = records.iter().filter_map(|record| record.run.as_ref());
    let last = runs.clone().next_back().unwrap();
    let wanted: BTreeSet<_> = (0..last.plan.stages.len() - 1).collect();
    assert!(
        killed_in.is_superset(&wanted),
        "{killed_in:?} of {wanted:?}"
    );
    // One run, which went on stage by stage; one fence, one generation, one home at a time.
    let failover: Vec<_> = runs.filter(|run| run.opened == last.opened).collect();
    assert!(failover.iter().all(|run| run.plan == last.plan), "one plan");
    let stages: Vec<_> = failover.iter().map(|run| run.stage).collect();
    assert!(stages.is_sorted(), "{stages:?}");
    let journal = engine.journal();
    let begins = |line: &Value| line["what"].as_str().unwrap().starts_with("fail over");
    let begun = journal.iter().position(begins).unwrap();
    for steps in &last.plan.stages {
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        let done = journal[begun..]
            .iter()
            .filter(|line| line["what"] == steps.join(", "));
        assert_eq!(done.count(), 1, "{steps:?}: {journal:#?}");
    }
    let generations: Vec<_> = records.iter().map(|it| it.holding.generation()).collect();
    assert!(generations.is_sorted(), "{generations:?}");
    let home = records.last().unwrap().holding.home().unwrap();
    assert_eq!(home.generation, old.generation.next());
    assert!(records.iter().all(|it| it.holding.holders().len() <= 1));
    let leaders = history.leaders();
    println!(
        "killed in the stages {killed_in:?}, {} leaders, at most {longest:.2?} until it goes on",
        leaders.len()
    );
}
