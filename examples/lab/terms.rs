//! What a failover consists of, term by term, beside what the shell prototype took.
//!
//! **Our own time** is the time from the last heartbeat to the spare's power-on without
//!
//! * the silence that the site sets, from the last heartbeat on;
//! * the pause that the pool sets between two readings of *off*, once, up to the fence;
//! * what management controllers take: while the new server's was asked; and the old server's,
//!   once when it was suspected, for as long as the site waits for an answer, and from the verdict
//!   to the fence, while it was asked anything or still read *on* after it was told to turn off.
//!
//! What overlaps is taken out once. What the old server's controller is asked after the fence is
//! not taken out, nor the rest of a call that outlasts it: nobody waits for that. So all else is our
//! own: what the switches and the array take, the wait until sessions are idle, and the pause before
//! the look that finds a machine off. The clock is the controller's; heartbeats are noted to ten
//! milliseconds.

use std::fmt::Write as _;
use std::time::Duration;

use coldspare::{Told, What};
use coldspare_examples::tell::seconds;
use serde::{Deserialize, Serialize};

use crate::arguments::Choice;
use crate::lab::Lab;
use path::{Path, Spans, Stages};

mod path;

/// So much of our own time a failover may take.
const OWN: Duration = Duration::from_millis(500);
/// So much longer than the bare guest a persona may take from power-on until its agent is up.
const BOOT_RATIO: f64 = 1.1;

/// The terms of one failover, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// From the last heartbeat until the server is suspected.
    silence: f64,
    /// From then until the verdict.
    judging: f64,
    /// From the verdict until the old server is fenced.
    fence: f64,
    /// The longest call that set a switch's ports for the new server.
    wire: f64,
    /// From the fence until every volume admits the new server.
    admit: f64,
    /// From the last heartbeat until the new server was told to turn on.
    until_power_on: f64,
    /// Of that: between the two readings of *off*.
    off_pause: f64,
    /// Of that: what management controllers took.
    bmc: f64,
    /// Of that: our own.
    own: f64,
    /// From the power-on until the persona was heard, its disk written.
    boot: f64,
    /// The same of the same guest, booted without a controller just before.
    bare_boot: f64,
    /// From the last heartbeat on the old server until the persona was heard on the new one.
    total: f64,
}

impl Terms {
    /// The terms of the one failover that was told; none if there was none.
    pub(crate) fn of(lab: &Lab, bare_boot: Duration) -> Option<Self> {
        let told = lab.told();
        let fault = told.iter().position(|it| it.event.event == What::Fault)?;
        let first = |what| told[fault..].iter().find(|it| it.event.event == what);
        let [suspected, verdict, fenced, admitted, powered_on, up] = [
            What::Suspected,
            What::Verdict,
            What::Fenced,
            What::Admitted,
            What::PoweredOn,
            What::AgentUp,
        ]
        .map(first);
        let (suspected, verdict, fenced, up) = (suspected?.at, verdict?.at, fenced?.at, up?.at);
        let server = |told: &Told| told.event.about.server.clone();
        let (old, new) = (server(first(What::Fenced)?)?, server(powered_on?)?);

        let last = lab.controller.last_heard(suspected)?;
        let calls = lab.controller.calls.all();
        let stages = Stages {
            old: &old,
            new: &new,
            answer_limit: lab.site.heartbeat.answer_limit,
            suspected,
            verdict,
            fenced,
        };
        let path = Path::new(&calls, &stages)?;
        let power_on = path.power_on();
        let pause = lab.site.policy_of(&old)?.off_pause;
        let (silence, pauses, bmcs) = (
            Spans::one(last, last + lab.site.heartbeat.silence),
            path.off_pause(pause),
            path.controllers(),
        );
        let to_power_on = |spans: &Spans| spans.within(last, power_on.ended).length();
        let foreign = to_power_on(&silence.and(&pauses).and(&bmcs));
        let until_power_on = power_on.ended.since(last);
        let wire = calls.iter().filter(|call| {
            call.verb == "set ports" && call.began > verdict && call.ended < power_on.began
        });
        let wire = wire.map(|call| call.ended - call.began).max();
        Some(Self {
            silence: seconds(suspected.since(last)),
            judging: seconds(verdict.since(suspected)),
            fence: seconds(fenced.since(verdict)),
            wire: seconds(wire.unwrap_or_default()),
            admit: seconds(admitted?.at.since(fenced)),
            until_power_on: seconds(until_power_on),
            off_pause: seconds(to_power_on(&pauses)),
            bmc: seconds(to_power_on(&bmcs)),
            own: seconds(until_power_on.saturating_sub(foreign)),
            boot: seconds(up.since(power_on.began)),
            bare_boot: seconds(bare_boot),
            total: seconds(up.since(last)),
        })
    }

    /// What is not as it must be.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.own > OWN.as_secs_f64() {
            missed.push(format!("our own time was {:.2} s", self.own));
        }
        if self.boot > BOOT_RATIO * self.bare_boot {
            let (boot, bare) = (self.boot, self.bare_boot);
            missed.push(format!("the boot took {boot:.2} s, bare {bare:.2} s"));
        }
        missed
    }

    /// Each term: its name, what it took here, and what it took the prototype, where it measured it.
    pub(crate) fn rows(&self, scenario: Choice) -> [(&'static str, f64, &'static str); 13] {
        let (power_on, bmc, heard) = match scenario {
            Choice::Power => ("2.9-3.2", "0.3-0.4", "13.8-15.0"),
            Choice::Frozen => ("7.2", "3.8", "21.6"),
            _ => ("-", "-", "-"),
        };
        [
            ("silence", self.silence, "1.8-2.0"),
            ("judging", self.judging, "-"),
            ("fence, from the verdict", self.fence, "0.6-0.7"),
            ("wire, longest call", self.wire, "0.1"),
            ("admit, from the fence", self.admit, "0.1"),
            ("last heartbeat to power-on", self.until_power_on, power_on),
            ("  of that the off-pause", self.off_pause, "none"),
            ("  of that BMCs", self.bmc, bmc),
            ("  of that our own", self.own, "-"),
            ("power-on to agent up", self.boot, "10.9-11.8"),
            ("bare boot", self.bare_boot, "9.5-10.0"),
            (
                "  so many times as long",
                self.boot / self.bare_boot,
                "1.1-1.2",
            ),
            ("last heartbeat to agent up", self.total, heard),
        ]
    }

    /// As a table, beside the prototype's.
    pub(crate) fn print(&self, scenario: Choice) -> String {
        let mut text = format!("{:<28} {:>8}   prototype\n", "seconds", "here");
        for (name, here, before) in self.rows(scenario) {
            let _ = writeln!(text, "{name:<28} {here:>8.2}   {before}");
        }
        text
    }
}
