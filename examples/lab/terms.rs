//! What a failover consists of, term by term, beside what the shell prototype took.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use coldspare::site::Site;
use coldspare::{Told, What};
use coldspare_names::{ServerName, Time};
use serde::Serialize;

use crate::arguments::Choice;
use crate::calls::Call;
use crate::lab::Lab;

/// So much of our own time a failover may take: from the last heartbeat to the spare's power-on,
/// beyond the silence, the pause between two readings of *off*, and what the controllers take.
pub(crate) const OWN: Duration = Duration::from_millis(500);
/// So much longer than the bare guest a persona may take from power-on until its agent is up.
pub(crate) const BOOT_RATIO: f64 = 1.1;

/// A reading that comes so soon after the pause is the second one.
const SOON: Duration = Duration::from_millis(50);

/// The terms of one failover, in seconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Terms {
    /// From the last heartbeat until the server is suspected.
    silence: f64,
    /// From then until the verdict.
    judging: f64,
    /// Between two readings of *off*.
    off_pause: f64,
    /// While a management controller was asked, or worked on what it was asked.
    bmc: f64,
    /// From the verdict until the old server is fenced.
    fence: f64,
    /// The longest call that set a switch's ports for the new server.
    wire: f64,
    /// From the fence until every volume admits the new server.
    admit: f64,
    /// From the last heartbeat until the new server was told to turn on.
    until_power_on: f64,
    /// Of that: neither silence, nor pause, nor a management controller's.
    own: f64,
    /// From then until the persona was heard.
    boot: f64,
    /// The same guest's first boot in this run, from the moment when its machine started.
    bare_boot: f64,
    /// From the last heartbeat on the old server until the persona was heard on the new one.
    total: f64,
}

/// What the prototype took, where it measured it: to the power-on, and to the first heartbeat.
fn prototype(scenario: Choice) -> Option<[&'static str; 2]> {
    match scenario {
        Choice::Power => Some(["2.9-3.2", "13.8-15.0"]),
        Choice::Frozen => Some(["7.2", "21.6"]),
        _ => None,
    }
}

impl Terms {
    /// The terms of the failover that `told` ends with; none if there was none.
    pub(crate) fn of(lab: &Lab) -> Option<Self> {
        let told = lab.told();
        let (bare_from, bare_to) = first_boot(lab, &told)?;
        let fault = told.iter().position(|it| it.event.event == What::Fault)?;
        let story = Story(told.get(fault..)?);
        let suspected = story.first(What::Suspected)?;
        let verdict = story.first(What::Verdict)?;
        let fenced = story.first(What::Fenced)?;
        let up = story.last(What::AgentUp)?;
        let new = up.event.about.server.clone()?;
        let admitted = story.last(What::Admitted)?;
        let last = lab.controller.last_heard(suspected.at)?;

        let calls = lab.controller.calls.all();
        let power_on = calls
            .iter()
            .rfind(|call| call.device == new.as_str() && call.verb == "power on")?;
        let pause = pause(&lab.site, &new);
        let bmcs = Covered::by_bmcs(&lab.site, &calls, suspected.at, power_on.ended);
        let pauses = Covered::by_pauses(&calls, &lab.site, suspected.at, power_on.ended, pause);
        let foreign = bmcs.and(&pauses);
        let wire = calls.iter().filter(|call| {
            call.verb == "set ports" && call.began > verdict.at && call.ended < up.at
        });
        let wire = wire.map(|call| call.ended - call.began).max();
        let until_power_on = power_on.ended.since(last);
        let silence = lab.site.heartbeat.silence;
        Some(Self {
            silence: seconds(suspected.at.since(last)),
            judging: seconds(verdict.at.since(suspected.at)),
            off_pause: seconds(pauses.length()),
            bmc: seconds(bmcs.length()),
            fence: seconds(fenced.at.since(verdict.at)),
            wire: seconds(wire.unwrap_or_default()),
            admit: seconds(admitted.at.since(fenced.at)),
            until_power_on: seconds(until_power_on),
            own: seconds(until_power_on.saturating_sub(silence + foreign.length())),
            boot: seconds(up.at.since(power_on.began)),
            bare_boot: seconds(bare_to.since(bare_from)),
            total: seconds(up.at.since(last)),
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

    /// As a table, beside the prototype's.
    pub(crate) fn print(&self, scenario: Choice) -> String {
        let [on, heard] = prototype(scenario).unwrap_or(["-", "-"]);
        let rows = [
            ("silence", self.silence, "1.8-2.0"),
            ("judging", self.judging, "-"),
            ("off-pause", self.off_pause, "none"),
            ("BMC", self.bmc, "0.3-0.4"),
            ("fence, from the verdict", self.fence, "0.6-0.7"),
            ("wire, longest call", self.wire, "0.1"),
            ("admit, from the fence", self.admit, "0.1"),
            ("last heartbeat to power-on", self.until_power_on, on),
            ("  of that our own", self.own, "-"),
            ("power-on to agent up", self.boot, "10.9-11.8"),
            ("bare boot", self.bare_boot, "9.5-10.0"),
            ("last heartbeat to agent up", self.total, heard),
        ];
        let mut text = format!("{:<28} {:>8}   prototype\n", "seconds", "here");
        for (name, here, before) in rows {
            let _ = writeln!(text, "{name:<28} {here:>8.2}   {before}");
        }
        text
    }
}

/// When the guest's first machine started, and when the guest was first heard.
fn first_boot(lab: &Lab, told: &[Told]) -> Option<(Time, Time)> {
    let up = told.iter().find(|it| it.event.event == What::AgentUp)?;
    Some((lab.first_start()?, up.at))
}

/// The time of day as the controller's clock has it.
pub(crate) fn time_of(moment: SystemTime) -> Option<Time> {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Time::after_epoch(since))
}

struct Story<'a>(&'a [Told]);

impl<'a> Story<'a> {
    fn first(&self, what: What) -> Option<&'a Told> {
        self.0.iter().find(|told| told.event.event == what)
    }

    fn last(&self, what: What) -> Option<&'a Told> {
        self.0.iter().rfind(|told| told.event.event == what)
    }
}

/// Spans of time, and how much they cover together.
#[derive(Debug, Clone, Default)]
struct Covered(Vec<(Time, Time)>);

impl Covered {
    /// While a management controller was asked; also between two looks at one that says *on* after
    /// it was told to turn off: that is the controller's time.
    fn by_bmcs(site: &Site, calls: &[Call], from: Time, to: Time) -> Self {
        let mut spans = Vec::new();
        for server in site.servers.keys() {
            let of: Vec<_> = calls
                .iter()
                .filter(|call| call.device == server.as_str())
                .collect();
            spans.extend(of.iter().map(|call| (call.began, call.ended)));
            for pair in of.windows(2) {
                let waits = pair[0].verb == "power off" || pair[0].answer == crate::calls::on();
                if waits && pair[1].verb == "read" {
                    spans.push((pair[0].ended, pair[1].began));
                }
            }
        }
        Self::within(spans, from, to)
    }

    /// Between two readings of one controller that lie the pause apart.
    fn by_pauses(calls: &[Call], site: &Site, from: Time, to: Time, pause: Duration) -> Self {
        let mut spans = Vec::new();
        for server in site.servers.keys() {
            let of: Vec<_> = calls
                .iter()
                .filter(|call| call.device == server.as_str() && call.verb == "read")
                .collect();
            // Others may ask the same controller between the two readings.
            let again = |first: &Call| {
                let at_least = first.ended + pause;
                let soon = at_least + SOON;
                of.iter().any(|then| (at_least..soon).contains(&then.began))
            };
            let paused = of.iter().filter(|first| again(first));
            spans.extend(paused.map(|first| (first.ended, first.ended + pause)));
        }
        Self::within(spans, from, to)
    }

    fn within(spans: Vec<(Time, Time)>, from: Time, to: Time) -> Self {
        let cut = spans
            .into_iter()
            .map(|(began, ended)| (began.max(from), ended.min(to)));
        Self(cut.filter(|(began, ended)| began < ended).collect())
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).copied().collect())
    }

    fn length(&self) -> Duration {
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

fn pause(site: &Site, server: &ServerName) -> Duration {
    site.policy_of(server)
        .map(|policy| policy.off_pause)
        .unwrap_or_default()
}

fn seconds(duration: Duration) -> f64 {
    coldspare_examples::tell::seconds(duration)
}
