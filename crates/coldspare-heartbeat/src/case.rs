//! One server that is suspected: what was asked about it, what was answered, what follows.

use std::time::Duration;

use coldspare_names::Time;

use crate::verdict::{Activity, Doubt, Heartbeats, Row, Seen};
use crate::{Answer, Ports, Power, Profile, Sessions, Status, Testimony, Verdict};

/// What a server is suspected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// All its paths are silent.
    Silent,
    /// Its disk is not written.
    Disk,
}

/// What is known about a suspect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Case {
    pub(crate) trouble: Trouble,
    /// When the server was last heard, or its disk last written.
    pub(crate) since: Time,
    /// When it is looked at next.
    pub(crate) wake: Time,
    pub(crate) power: Inquiry<Power>,
    pub(crate) sessions: Inquiry<Sessions>,
    pub(crate) ports: Inquiry<Ports>,
    /// Since when the management controller says *off* each time.
    off_since: Option<Said>,
    /// Since when the SAN says each time that there is no session.
    gone_since: Option<Time>,
    /// Whether the management controller was caught in a contradiction: its *off* counts no more.
    pub(crate) distrusted: bool,
    pub(crate) verdict: Option<Verdict>,
    opened: Time,
    /// Whether it counts among those that failed together.
    pub(crate) fell: bool,
    next_probe: Time,
    unknown_since: Option<Time>,
    ceiling_told: bool,
}

/// When something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Said {
    /// When the question was put.
    asked: Time,
    /// When the answer was there.
    told: Time,
}

/// Asking one witness, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Inquiry<Word> {
    /// When the question was put that is still open.
    open: Option<Time>,
    /// When to ask next.
    next: Time,
    /// Whether a question was answered, or its time ran out.
    tried: bool,
    /// The last positive answer, and when it was asked for: no answer never overwrites it.
    said: Option<(Time, Word)>,
}

impl<Word: Copy> Inquiry<Word> {
    fn new(first: Time) -> Self {
        Self {
            open: None,
            next: first,
            tried: false,
            said: None,
        }
    }

    /// Whether to ask now; gives up an open question past its limit.
    pub(crate) fn asks(&mut self, profile: &Profile, now: Time) -> bool {
        if self.open.is_some_and(|at| at + profile.answer_limit <= now) {
            self.close(now + profile.ask_again);
        }
        let asks = self.open.is_none() && self.next <= now;
        if asks {
            self.open = Some(now);
        }
        asks
    }

    /// Takes an answer to what was asked at a time; `None` is no answer.
    pub(crate) fn answered(&mut self, asked: Time, word: Option<Word>, next: Time) {
        if self.open == Some(asked) {
            self.close(next);
        }
        if let Some(word) = word
            && self.is_news(asked)
        {
            self.said = Some((asked, word));
            self.tried = true;
        }
    }

    /// Whether nothing is known that was asked for later.
    fn is_news(&self, asked: Time) -> bool {
        self.said.is_none_or(|(earlier, _)| earlier <= asked)
    }

    fn close(&mut self, next: Time) {
        self.open = None;
        self.tried = true;
        self.next = next;
    }

    fn wake(&self, limit: Duration) -> Time {
        self.open.map_or(self.next, |at| at + limit)
    }
}

impl Case {
    pub(crate) fn new(trouble: Trouble, since: Time, now: Time) -> Self {
        // Of one that is heard nobody needs to ask whether it can be.
        let when_silent = match trouble {
            Trouble::Silent => now,
            Trouble::Disk => Time::NEVER,
        };
        Self {
            trouble,
            since,
            wake: now,
            power: Inquiry::new(now),
            sessions: Inquiry::new(now),
            ports: Inquiry::new(when_silent),
            off_since: None,
            gone_since: None,
            distrusted: false,
            verdict: None,
            opened: now,
            fell: trouble == Trouble::Disk,
            next_probe: when_silent,
            unknown_since: None,
            ceiling_told: false,
        }
    }

    /// Takes a witness's answer.
    pub(crate) fn told(&mut self, testimony: Testimony, profile: &Profile, now: Time) {
        let Testimony { asked, answer } = testimony;
        let again = now + profile.ask_again;
        match answer {
            Answer::Power(word) => {
                match word {
                    _ if !self.power.is_news(asked) => {}
                    Power::Off => drop(self.off_since.get_or_insert(Said { asked, told: now })),
                    Power::On => self.off_since = None,
                    Power::NoAnswer => {}
                }
                let word = (word != Power::NoAnswer).then_some(word);
                self.power.answered(asked, word, again);
            }
            Answer::Sessions(word) => {
                match word {
                    Sessions::Gone => drop(self.gone_since.get_or_insert(now)),
                    Sessions::LastWrite(_) | Sessions::NoAnswer => self.gone_since = None,
                }
                let next = match word {
                    Sessions::LastWrite(at) => ask_when_idle(at, asked, profile, now),
                    Sessions::Gone | Sessions::NoAnswer => again,
                };
                let word = (word != Sessions::NoAnswer).then_some(word);
                self.sessions.answered(asked, word, next);
            }
            Answer::Ports(word) => {
                let word = (word != Ports::NoAnswer).then_some(word);
                self.ports.answered(asked, word, again);
            }
            Answer::Probe { .. } => {}
        }
    }

    /// Whether the paths are to be probed now: quickly for two periods, then once a period, until there
    /// is a verdict, or the ceiling of *unknown* has passed. A server that comes back later sends
    /// heartbeats by itself.
    pub(crate) fn probes(&mut self, profile: &Profile, now: Time) -> bool {
        let open = self.trouble == Trouble::Silent
            && (self.verdict.is_none() || self.status() == Some(Status::Unknown))
            && self.ceiling(profile).is_none_or(|at| now < at);
        if !open {
            self.next_probe = Time::NEVER;
        }
        let probes = open && self.next_probe <= now;
        if probes {
            let quickly = now < self.opened + profile.period * 2;
            self.next_probe = now
                + if quickly {
                    profile.probe_every
                } else {
                    profile.period
                };
        }
        probes
    }

    /// Whether it begins to count among those that failed together: not before two rounds of probes
    /// have not brought it back, or else what a bad network loses would look like a shared cause.
    pub(crate) fn falls(&mut self, profile: &Profile, now: Time) -> bool {
        let falls = !self.fell && self.falls_at(profile) <= now;
        self.fell |= falls;
        falls
    }

    fn falls_at(&self, profile: &Profile) -> Time {
        self.opened + profile.probe_every * 2
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.verdict.as_ref().map(|verdict| verdict.status)
    }

    /// When *unknown* is handed to policy.
    fn ceiling(&self, profile: &Profile) -> Option<Time> {
        self.unknown_since.map(|since| since + profile.ceiling)
    }

    /// Whether the ceiling has passed by now, told once.
    pub(crate) fn passes_ceiling(&mut self, profile: &Profile, now: Time) -> bool {
        let passes = !self.ceiling_told && self.ceiling(profile).is_some_and(|at| at <= now);
        self.ceiling_told |= passes;
        passes
    }

    /// Takes a verdict. True if it says something new.
    pub(crate) fn take(&mut self, verdict: Verdict, now: Time) -> bool {
        self.unknown_since = match verdict.status {
            Status::Unknown => self.unknown_since.or(Some(now)),
            _ => None,
        };
        self.ceiling_told &= self.unknown_since.is_some();
        // What a witness decided does not change with a doubt about silence.
        let gist = |verdict: &Verdict| {
            let doubt = verdict.seen.doubt.clone();
            (verdict.row, doubt.filter(|_| verdict.row == Row::HeldBack))
        };
        let new = self.verdict.as_ref().map(gist) != Some(gist(&verdict));
        self.verdict = Some(verdict);
        new
    }

    /// Everything a verdict rests on; `heard` is when the server was last heard, if it still is.
    pub(crate) fn seen(
        &self,
        profile: &Profile,
        doubt: Option<Doubt>,
        heard: Option<Time>,
        now: Time,
    ) -> Seen {
        Seen {
            doubt,
            heartbeats: match self.trouble {
                Trouble::Silent => Heartbeats::Silent,
                Trouble::Disk if self.since + profile.san_limit <= now => {
                    Heartbeats::DiskStalledPastLimit
                }
                Trouble::Disk => Heartbeats::DiskStalled,
            },
            since: self.since,
            power: self.power(profile, heard),
            activity: self.activity(profile, now),
            ports: self.ports.said.map_or(Ports::NoAnswer, |(_, word)| word),
        }
    }

    /// Whether its disk is no longer missed for its array's sake: the array answers, and has had time
    /// to take back whoever can reach it.
    pub(crate) fn outlives_its_array(&self, profile: &Profile, now: Time) -> bool {
        let gone_since = self.gone_since.filter(|_| self.trouble == Trouble::Disk);
        gone_since.is_some_and(|since| since + profile.linger <= now)
    }

    /// That a server is off which is still heard says nothing yet: it may just have been turned off.
    /// It contradicts a heartbeat that came when the answer had to be there.
    fn power(&self, profile: &Profile, heard: Option<Time>) -> Option<Power> {
        let off = self.off_since.map(|off| off.asked + profile.answer_limit);
        match self.power.said {
            Some((_, Power::Off)) if self.distrusted => Some(Power::NoAnswer),
            Some((_, Power::Off)) if self.trouble == Trouble::Disk && heard <= off => None,
            Some((_, power)) => Some(power),
            None => self.power.tried.then_some(Power::NoAnswer),
        }
    }

    fn activity(&self, profile: &Profile, now: Time) -> Option<Activity> {
        let Some((asked, word)) = self.sessions.said else {
            return self.sessions.tried.then_some(Activity::NoAnswer);
        };
        Some(match word {
            Sessions::Gone => Activity::Gone,
            Sessions::NoAnswer => Activity::NoAnswer,
            Sessions::LastWrite(at) if asked.since(at) >= profile.idle_limit => {
                Activity::IdlePastLimit
            }
            Sessions::LastWrite(at) if at > self.turned_off_or_silent(profile) => Activity::Writing,
            // That a session was idle for a while says nothing once it can no longer be looked at.
            Sessions::LastWrite(_) if now >= asked + profile.idle_limit + profile.answer_limit => {
                Activity::NoAnswer
            }
            // It wrote before it was said to be off: either it writes again, or it is idle for long.
            Sessions::LastWrite(at) if at > self.since + profile.wrote_since() => return None,
            Sessions::LastWrite(_) => Activity::Idle,
        })
    }

    /// What is written after that was not written by a server that was off by then, or died when it
    /// fell silent.
    fn turned_off_or_silent(&self, profile: &Profile) -> Time {
        let silent = self.since + profile.wrote_since();
        let off = self.off_since.filter(|_| !self.distrusted);
        off.map_or(silent, |off| silent.max(off.told))
    }

    /// Whether the management controller must have read *off* before a time at which the server gave
    /// a sign of life.
    pub(crate) fn read_off_before(&self, time: Time, profile: &Profile) -> bool {
        matches!(self.power.said, Some((asked, Power::Off)) if asked + profile.answer_limit < time)
    }

    /// When to look at it next, unless something happens before.
    pub(crate) fn next_wake(&self, profile: &Profile, now: Time) -> Time {
        let limit = profile.answer_limit;
        let witnesses = match self.status() {
            Some(Status::Dead) => Time::NEVER,
            _ => self
                .power
                .wake(limit)
                .min(self.sessions.wake(limit))
                .min(self.ports.wake(limit)),
        };
        let given_up = self.since + profile.san_limit;
        let disk = match self.trouble {
            Trouble::Disk if given_up > now => given_up,
            _ => Time::NEVER,
        };
        let ceiling = self.ceiling(profile).filter(|&at| at > now);
        let falls = (!self.fell).then(|| self.falls_at(profile));
        witnesses
            .min(falls.unwrap_or(Time::NEVER))
            .min(self.next_probe)
            .min(disk)
            .min(ceiling.unwrap_or(Time::NEVER))
    }
}

/// When to ask again about a session that last wrote at a time: right when it will have been idle
/// past the limit, if that is soon.
fn ask_when_idle(wrote: Time, asked: Time, profile: &Profile, now: Time) -> Time {
    let idle = wrote + profile.idle_limit;
    let again = now + profile.ask_again;
    if asked < idle && idle <= again + profile.ask_again {
        idle
    } else {
        again
    }
}
