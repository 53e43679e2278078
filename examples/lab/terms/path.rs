//! The calls to the two management controllers of a failover, and what of its time was theirs.

use std::time::Duration;

use coldspare_names::Time;

use crate::calls::{Call, off};

/// The controllers' part of a failover.
pub(super) struct Path<'a> {
    /// What the run waited for, by when it ended.
    calls: Vec<&'a Call>,
    old: &'a str,
    power_on: &'a Call,
}

impl<'a> Path<'a> {
    /// Of the failover from the old server to the new one, with that verdict and that fence; none
    /// if the new server was not turned on.
    pub(super) fn new(
        calls: &'a [Call],
        [old, new]: [&'a str; 2],
        verdict: Time,
        fenced: Time,
    ) -> Option<Self> {
        let power_on = calls
            .iter()
            .find(|call| call.device == new && call.verb == "power on" && call.began >= verdict)?;
        let outlasts = |call: &Call, end: Time| call.began < end && end < call.ended;
        let waited_for = |call: &&Call| {
            let ends = [verdict, fenced, power_on.ended];
            let asked = call.device == new || call.device == old && call.ended <= fenced;
            asked && !ends.into_iter().any(|end| outlasts(call, end))
        };
        Some(Self {
            calls: calls.iter().filter(waited_for).collect(),
            old,
            power_on,
        })
    }

    /// When the new server was told to turn on.
    pub(super) fn power_on(&self) -> &'a Call {
        self.power_on
    }

    /// While controllers were asked, or turned the old server off.
    pub(super) fn controllers(&self) -> Spans {
        let asked = self.calls.iter().map(|call| (call.began, call.ended));
        let command = self.of_old().find(|call| call.verb == "power off");
        let turning = command.and_then(|command| {
            let later = |call: &&&Call| call.verb == "read" && call.began > command.began;
            let mut reads = self.of_old().filter(later);
            let still_on = reads.rfind(|call| call.answer != off())?;
            Some((command.began, still_on.ended))
        });
        Spans(asked.chain(turning).collect())
    }

    /// Between the two readings of *off* on which the fence rests, if it rests on them.
    pub(super) fn off_pause(&self, pause: Duration) -> Spans {
        let reads = || self.of_old().filter(|call| call.answer == off());
        let second = reads().next_back();
        let first = second.and_then(|second| reads().rfind(|it| it.ended + pause <= second.began));
        let pause = first.map(|first| (first.ended, first.ended + pause));
        Spans(pause.into_iter().collect())
    }

    fn of_old(&self) -> impl DoubleEndedIterator<Item = &&'a Call> {
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

    /// Verdict after 2 s, fence after 5 s, power-on until 6 s.
    fn millis(calls: &[Call]) -> [u128; 2] {
        let mut calls = calls.to_vec();
        calls.push(call("r2", "power on", [5_900, 6_000], ""));
        let path = Path::new(&calls, ["r1", "r2"], at(2_000), at(5_000)).unwrap();
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
    fn a_dead_controller_that_the_run_did_not_wait_for_takes_no_time() {
        let asked = |span| call("r1", "read", span, "error: it does not answer");
        assert_eq!(
            millis(&[asked([1_500, 2_500]), asked([2_100, 5_100])]),
            [100, 0]
        );
        assert_eq!(millis(&[asked([2_100, 4_900])]), [2_800 + 100, 0]);
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
    }
}
