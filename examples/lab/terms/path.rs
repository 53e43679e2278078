//! The calls to the two management controllers of a failover, and what of its time was theirs.

use std::time::Duration;

use coldspare_names::{ServerName, Time};

use crate::calls::{Call, off};

/// The controllers' part of a failover.
pub(super) struct Path {
    /// What the run waited for, by when it ended.
    calls: Vec<Call>,
    old: String,
    verdict: Time,
    fenced: Time,
    power_on: Call,
}

/// What a failover went through.
pub(super) struct Stages<'a> {
    pub(super) old: &'a ServerName,
    pub(super) new: &'a ServerName,
    /// A witness that takes longer has not answered.
    pub(super) answer_limit: Duration,
    pub(super) suspected: Time,
    pub(super) verdict: Time,
    pub(super) fenced: Time,
}

impl Stages<'_> {
    /// A call, for as long as the run waited for it; none if it did not.
    fn waited_for(&self, call: &Call, asked: Option<Time>) -> Option<Call> {
        if call.device == self.new.as_str() {
            return Some(call.clone());
        }
        let until = if call.device != self.old.as_str() || call.began >= self.fenced {
            return None;
        } else if call.began >= self.verdict {
            self.fenced
        } else if Some(call.began) == asked {
            self.verdict.min(call.began + self.answer_limit)
        } else {
            return None;
        };
        let mut call = call.clone();
        call.ended = call.ended.min(until);
        Some(call)
    }
}

impl Path {
    /// Of one failover; none if the new server was not turned on.
    pub(super) fn new(calls: &[Call], stages: &Stages<'_>) -> Option<Self> {
        let of = |server: &ServerName| {
            let server = server.clone();
            calls
                .iter()
                .filter(move |call| call.device == server.as_str())
        };
        let power_on =
            of(stages.new).find(|it| it.verb == "power on" && it.began >= stages.verdict)?;
        // That it is asked again before the verdict is another witness's fault.
        let asked = of(stages.old).filter(|it| it.verb == "read" && it.began >= stages.suspected);
        let asked = asked.map(|call| call.began).min();
        let calls = calls
            .iter()
            .filter_map(|call| stages.waited_for(call, asked));
        Some(Self {
            calls: calls.collect(),
            old: stages.old.to_string(),
            verdict: stages.verdict,
            fenced: stages.fenced,
            power_on: power_on.clone(),
        })
    }

    /// When the new server was told to turn on.
    pub(super) fn power_on(&self) -> &Call {
        &self.power_on
    }

    /// While controllers were asked, or turned the old server off.
    pub(super) fn controllers(&self) -> Spans {
        let asked = self.calls.iter().map(|call| (call.began, call.ended));
        let command = self.of_old().find(|call| call.verb == "power off");
        let turning = command.and_then(|command| {
            let later = |call: &&Call| call.verb == "read" && call.began > command.began;
            let mut reads = self.of_old().filter(later);
            let still_on = reads.rfind(|call| call.answer != off())?;
            Some((command.began, still_on.ended))
        });
        Spans(asked.chain(turning).collect())
    }

    /// From the first reading of *off* after the verdict to the second one, or to the fence, if it
    /// did not come to that.
    pub(super) fn off_pause(&self, pause: Duration) -> Spans {
        let mut reads = self.of_old().filter(|it| it.began >= self.verdict);
        let first = reads.find(|call| call.answer == off());
        let pause = first.map(|it| (it.ended, self.fenced.min(it.ended + pause)));
        Spans(pause.into_iter().collect())
    }

    fn of_old(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter().filter(|call| call.device == self.old)
    }
}

/// Spans of time, which may overlap.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(Vec<(Time, Time)>);

impl Spans {
    /// From then until then.
    pub(super) fn one(from: Time, to: Time) -> Self {
        Self(vec![(from, to)])
    }

    /// These and those.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self([&*self.0, &*other.0].concat())
    }

    /// What of them lies between.
    pub(super) fn within(&self, from: Time, to: Time) -> Self {
        let cut = self
            .0
            .iter()
            .map(|(began, ended)| (*began.max(&from), *ended.min(&to)));
        Self(cut.filter(|(began, ended)| began < ended).collect())
    }

    /// How much they cover together.
    pub(super) fn length(&self) -> Duration {
        let mut spans = self.0.clone();
        spans.sort();
        let (mut length, mut until) = (Duration::ZERO, Time::EPOCH);
        for (began, ended) in spans {
            length += ended.since(began.max(until));
            until = until.max(ended);
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use coldspare_bmc::PowerState;

    use super::*;

    fn at(millis: u64) -> Time {
        Time::after_epoch(Duration::from_millis(millis))
    }

    fn call(device: &str, verb: &'static str, [began, ended]: [u64; 2], answer: &str) -> Call {
        let (began, ended) = (at(began), at(ended));
        let (device, answer) = (device.to_owned(), answer.to_owned());
        Call {
            device,
            verb,
            began,
            ended,
            answer,
        }
    }

    /// Suspicion after 1 s, verdict after 2 s, fence after 5 s, power-on until 6 s; a witness is
    /// waited for 800 ms.
    fn millis(calls: &[Call]) -> [u128; 2] {
        let mut calls = calls.to_vec();
        calls.push(call("r2", "power on", [5_900, 6_000], ""));
        let [old, new] = ["r1", "r2"].map(|name| name.parse().unwrap());
        let stages = Stages {
            old: &old,
            new: &new,
            answer_limit: Duration::from_millis(800),
            suspected: at(1_000),
            verdict: at(2_000),
            fenced: at(5_000),
        };
        let path = Path::new(&calls, &stages).unwrap();
        let pause = path.off_pause(Duration::from_secs(1));
        let all = |spans: &Spans| spans.within(at(0), at(6_000)).length().as_millis();
        [all(&path.controllers()), all(&pause)]
    }

    #[test]
    fn what_overlaps_counts_once_and_what_nobody_waits_for_does_not() {
        let calls = [
            call("r1", "read", [1_500, 1_700], "on"),
            call("r2", "read", [1_600, 1_800], "off"),
            call("r3", "read", [3_000, 4_000], "off"),
            call("r1", "read", [5_000, 5_500], "off"),
        ];
        assert_eq!(millis(&calls), [300 + 100, 0]);
    }

    #[test]
    fn a_dead_controller_takes_time_only_as_long_as_the_run_waits_for_it() {
        let asked = |span| call("r1", "read", span, "error: it does not answer");
        assert_eq!(millis(&[asked([1_100, 6_100])]), [800 + 100, 0]);
        let again = [asked([1_100, 1_200]), asked([1_300, 1_900])];
        assert_eq!(millis(&again), [100 + 100, 0]);
        assert_eq!(millis(&[asked([2_100, 7_100])]), [2_900 + 100, 0]);
        assert_eq!(millis(&[asked([5_000, 9_000])]), [100, 0]);
    }

    #[test]
    fn while_it_turns_off_it_is_the_controllers_time_and_the_rest_until_it_is_seen_ours() {
        let on = &*PowerState::On.to_string();
        let calls = [
            call("r1", "read", [2_000, 2_100], on),
            call("r1", "power off", [2_100, 2_200], ""),
            call("r1", "read", [2_400, 2_500], on),
            call("r1", "read", [2_700, 2_800], on),
            call("r1", "read", [3_000, 3_100], &off()),
            call("r1", "read", [4_110, 4_200], &off()),
        ];
        let asked = 100 + 90 + 100;
        assert_eq!(millis(&calls), [800 + asked, 1_000]);
        let late = call("r1", "read", [4_300, 4_400], &off());
        assert_eq!(millis(&[late]), [100 + 100, 600], "the fence came first");
    }
}
