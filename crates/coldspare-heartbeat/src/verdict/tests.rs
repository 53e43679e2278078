use std::collections::BTreeSet;

use super::*;
use crate::Question;
use crate::{Label, Path};

const POWERS: [Option<Power>; 4] = [
    None,
    Some(Power::On),
    Some(Power::Off),
    Some(Power::NoAnswer),
];
const ACTIVITIES: [Option<Activity>; 6] = [
    None,
    Some(Activity::Gone),
    Some(Activity::IdlePastLimit),
    Some(Activity::Idle),
    Some(Activity::Writing),
    Some(Activity::NoAnswer),
];
const PORTS: [Ports; 3] = [Ports::Up, Ports::Down, Ports::NoAnswer];

fn silent(power: Power, activity: Activity) -> Seen {
    Seen {
        doubt: None,
        heartbeats: Heartbeats::Silent,
        since: Time::EPOCH,
        power: Some(power),
        activity: Some(activity),
        ports: Ports::NoAnswer,
    }
}

fn shared() -> Doubt {
    Doubt {
        cause: Cause::Shared(BTreeSet::from([Label::from("rack r1")])),
        testimony_decides: true,
    }
}

fn stopped() -> Doubt {
    Doubt {
        cause: Cause::MonitorStopped,
        testimony_decides: false,
    }
}

fn everything_seen(doubt: Option<&Doubt>) -> Vec<Seen> {
    let mut all = Vec::new();
    for heartbeats in [
        Heartbeats::Silent,
        Heartbeats::DiskStalled,
        Heartbeats::DiskStalledPastLimit,
    ] {
        for power in POWERS {
            for activity in ACTIVITIES {
                for ports in PORTS {
                    all.push(Seen {
                        doubt: doubt.cloned(),
                        heartbeats,
                        since: Time::EPOCH,
                        power,
                        activity,
                        ports,
                    });
                }
            }
        }
    }
    all
}

fn row(seen: &Seen) -> Row {
    match judge(seen) {
        Judgement::Found(row) => row,
        other => panic!("{seen:?}: {other:?}"),
    }
}

#[test]
fn silent_and_off_is_dead_whatever_the_session_but_writing() {
    for activity in [
        Activity::Gone,
        Activity::Idle,
        Activity::IdlePastLimit,
        Activity::NoAnswer,
    ] {
        assert_eq!(row(&silent(Power::Off, activity)), Row::PoweredOff);
    }
}

#[test]
fn off_while_its_session_writes_is_a_contradiction_and_without_the_controllers_word_isolated() {
    let seen = silent(Power::Off, Activity::Writing);
    assert_eq!(judge(&seen), Judgement::Contradiction);
    assert_eq!(
        row(&silent(Power::NoAnswer, Activity::Writing)).status(),
        Status::Isolated
    );
}

#[test]
fn silent_and_on_with_its_session_gone_or_long_idle_is_dead() {
    for activity in [Activity::Gone, Activity::IdlePastLimit] {
        assert_eq!(row(&silent(Power::On, activity)), Row::Crashed);
    }
}

#[test]
fn silent_and_on_and_writing_is_agent_dead() {
    assert_eq!(row(&silent(Power::On, Activity::Writing)), Row::AgentOnly);
}

#[test]
fn silent_and_writing_without_a_link_at_any_switch_port_is_cut_off_from_the_network() {
    let seen = Seen {
        ports: Ports::Down,
        ..silent(Power::On, Activity::Writing)
    };
    let verdict = Verdict::explain(row(&seen), seen);
    assert_eq!(verdict.status, Status::AgentDead);
    assert!(verdict.to_string().contains("cut off from the network"));
}

#[test]
fn no_word_of_a_switch_moves_anything() {
    for seen in everything_seen(None) {
        let unasked = Seen {
            ports: Ports::NoAnswer,
            ..seen.clone()
        };
        match (judge(&seen), judge(&unasked)) {
            (Judgement::Found(row), Judgement::Found(other)) => {
                assert_eq!(row.status(), other.status(), "{seen:?}");
            }
            (judgement, other) => assert_eq!(judgement, other, "{seen:?}"),
        }
    }
}

#[test]
fn a_lost_feed_is_sure_once_the_switches_bear_it_out_and_they_say_what_speaks_against_it() {
    for (ports, certainty, word) in [
        (Ports::NoAnswer, Certainty::Likely, "(likely)"),
        (
            Ports::Down,
            Certainty::Sure,
            "its switch ports have no link",
        ),
        (Ports::Up, Certainty::Likely, "a switch sees its link"),
    ] {
        let seen = Seen {
            ports,
            ..silent(Power::NoAnswer, Activity::Gone)
        };
        let verdict = Verdict::explain(row(&seen), seen);
        assert_eq!(
            (verdict.status, verdict.certainty),
            (Status::Dead, certainty)
        );
        assert!(verdict.to_string().contains(word), "{verdict}");
    }
}

#[test]
fn silent_and_on_without_word_of_its_sessions_is_unknown() {
    assert_eq!(
        row(&silent(Power::On, Activity::NoAnswer)),
        Row::OnlyPowerAnswers
    );
}

#[test]
fn silent_without_its_controller_and_with_its_session_gone_or_long_idle_lost_its_feed() {
    for activity in [Activity::Gone, Activity::IdlePastLimit] {
        assert_eq!(row(&silent(Power::NoAnswer, activity)), Row::LostItsFeed);
    }
}

#[test]
fn silent_without_its_controller_but_writing_is_isolated() {
    assert_eq!(
        row(&silent(Power::NoAnswer, Activity::Writing)),
        Row::CutOff
    );
}

#[test]
fn silent_and_nobody_answers_is_unknown() {
    assert_eq!(
        row(&silent(Power::NoAnswer, Activity::NoAnswer)),
        Row::NothingAnswers
    );
}

#[test]
fn alive_without_session_past_the_limit_is_san_lost_and_not_before() {
    for (heartbeats, judgement) in [
        (Heartbeats::DiskStalled, Judgement::Wait),
        (
            Heartbeats::DiskStalledPastLimit,
            Judgement::Found(Row::SanGone),
        ),
    ] {
        let seen = Seen {
            heartbeats,
            ..silent(Power::On, Activity::Gone)
        };
        assert_eq!(judge(&seen), judgement);
    }
}

#[test]
fn a_session_that_only_holds_its_breath_waits() {
    for power in [Power::On, Power::NoAnswer] {
        assert_eq!(judge(&silent(power, Activity::Idle)), Judgement::Wait);
    }
}

#[test]
fn nothing_is_judged_before_every_witness_was_asked() {
    for seen in everything_seen(None) {
        if seen.power.is_none() || seen.activity.is_none() {
            assert_eq!(judge(&seen), Judgement::Wait);
        }
    }
}

#[test]
fn self_doubt_comes_before_every_row() {
    for seen in everything_seen(Some(&stopped())) {
        if let Judgement::Found(row) = judge(&seen) {
            assert_eq!(row, Row::HeldBack, "{seen:?}");
        }
    }
}

#[test]
fn a_shared_cause_holds_what_rests_on_silence_and_lets_testimony_decide() {
    for seen in everything_seen(Some(&shared())) {
        let alone = Seen {
            doubt: None,
            ..seen.clone()
        };
        match (judge(&alone), judge(&seen)) {
            (Judgement::Found(alone), Judgement::Found(held)) if alone.status().is_decided() => {
                assert_eq!(held, alone);
            }
            (Judgement::Found(_), held) => assert_eq!(held, Judgement::Found(Row::HeldBack)),
            (alone, held) => assert_eq!(held, alone),
        }
    }
}

#[test]
fn a_verdict_tells_what_is_missing_and_what_would_change_it() {
    let seen = silent(Power::On, Activity::NoAnswer);
    let verdict = Verdict::explain(row(&seen), seen);
    assert_eq!(verdict.status, Status::Unknown);
    assert_eq!(verdict.certainty, Certainty::Guess);
    assert_eq!(verdict.missing, [Question::Sessions]);
    for (fact, status) in [
        (Fact::Power(Power::Off), Status::Dead),
        (Fact::Activity(Activity::Gone), Status::Dead),
        (Fact::Activity(Activity::Writing), Status::AgentDead),
    ] {
        assert!(verdict.otherwise.contains(&Otherwise { fact, status }));
    }
}

#[test]
fn what_a_verdict_says_would_change_it_does_change_it() {
    for doubt in [None, Some(shared()), Some(stopped())] {
        for seen in everything_seen(doubt.as_ref()) {
            let Judgement::Found(row) = judge(&seen) else {
                continue;
            };
            let verdict = Verdict::explain(row, seen.clone());
            for Otherwise { fact, status } in verdict.otherwise {
                let mut other = seen.clone();
                match fact {
                    Fact::NoDoubt => other.doubt = None,
                    Fact::Power(power) => other.power = Some(power),
                    Fact::Activity(activity) => other.activity = Some(activity),
                }
                assert_ne!(status, verdict.status);
                assert!(matches!(judge(&other), Judgement::Found(row) if row.status() == status));
            }
        }
    }
}

#[test]
fn statuses_are_written_as_the_event_stream_writes_them() {
    let words = [
        (Status::Dead, "dead"),
        (Status::AgentDead, "agent-dead"),
        (Status::Isolated, "isolated"),
        (Status::Unknown, "unknown"),
        (Status::SanLost, "san-lost"),
        (Status::Held, "held"),
    ];
    for (status, word) in words {
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            serde_json::json!(word)
        );
    }
    let seen = Seen {
        doubt: Some(Doubt {
            cause: Cause::OwnLink(Path::First),
            testimony_decides: true,
        }),
        ..silent(Power::On, Activity::NoAnswer)
    };
    let verdict = Verdict::explain(row(&seen), seen);
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}
