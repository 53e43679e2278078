//! How the detector comes to its findings.

use std::collections::BTreeSet;

use coldspare_names::Time;

use super::{Condition, Detector};
use crate::case::{Case, Trouble};
use crate::domains::Change;
use crate::ledger::Due;
use crate::verdict::{Doubt, Judgement, Row, judge};
use crate::{Cause, Finding, Path, Question, Slot, Status, Verdict, Watch};

impl Detector {
    /// Everything found since the last call.
    ///
    /// Hand over what was heard before calling: a full socket buffer is no silence.
    pub fn poll(&mut self, now: Time) -> Vec<Finding> {
        let late = |promise: Time| promise + self.profile.lateness < now;
        if self.promise().is_some_and(late) {
            let end = now + self.profile.window;
            self.findings.extend(self.doubt.stopped(end));
        }
        let ended = self.doubt.pass(now);
        if !ended.is_empty() {
            self.findings.extend(ended);
            self.look_at_all(now);
            for due in std::mem::take(&mut self.unheard).into_values() {
                self.miss(due, now);
            }
        }
        self.end_holds(now);
        self.make_rounds(now);
        if !self.doubt.is_blind(&Path::BOTH) {
            for due in self.ledger.sweep(now) {
                self.miss(due, now);
            }
        }
        while let Some(&(at, slot)) = self.agenda.first()
            && at <= now
        {
            self.agenda.pop_first();
            self.look(slot, now);
        }
        std::mem::take(&mut self.findings)
    }

    /// When it wants to be polled, findings at hand apart.
    pub(crate) fn promise(&self) -> Option<Time> {
        let listens = !self.doubt.is_blind(&Path::BOTH);
        let sweep = listens.then(|| self.ledger.deadline()).flatten();
        let linger = self.profile.linger;
        [
            sweep,
            self.agenda.first().map(|&(at, _)| at),
            self.rounds.first().map(|&(at, _)| at),
            self.doubt.deadline(),
            self.labels.deadline(linger),
            self.arrays.deadline(linger),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Probes the servers that have no agent, once a period.
    fn make_rounds(&mut self, now: Time) {
        while let Some(&(at, slot)) = self.rounds.first()
            && at <= now
        {
            self.rounds.pop_first();
            self.rounds.insert((now + self.profile.period, slot));
            self.ask(slot, Question::Probe(Path::First), now);
        }
    }

    fn ask(&mut self, slot: Slot, question: Question, now: Time) {
        self.findings.push(Finding::Ask {
            slot,
            question,
            asked: now,
        });
    }

    /// Takes note of a silence: not before the monitor's own link can no longer be the reason.
    fn miss(&mut self, due: Due, now: Time) {
        let (slot, path, paths) = match &due {
            Due::Silent(slot, _) => (*slot, Path::First, self.paths(*slot)),
            Due::Degraded(slot, path) => (*slot, *path, std::slice::from_ref(path)),
        };
        if self.doubt.is_blind(paths) {
            self.unheard.insert((slot, path), due);
            return;
        }
        match due {
            Due::Silent(slot, heard) => self.suspect_silence(slot, heard, now),
            Due::Degraded(slot, path) => self.findings.push(Finding::PathDegraded { slot, path }),
        }
    }

    fn suspect_silence(&mut self, slot: Slot, heard: Time, now: Time) {
        let place = self.place(slot);
        if self.condition(slot) == Condition::Sick {
            self.arrays.drops(slot, now);
            self.close(slot);
        } else {
            self.arrays.leaves(&place.arrays);
        }
        self.forget_unheard(slot);
        self.set(slot, Condition::Silent);
        self.open(slot, Case::new(Trouble::Silent, heard, now));
        self.findings.push(Finding::Suspected { slot, heard });
    }

    pub(super) fn suspect_disk(&mut self, slot: Slot, wrote: Time, now: Time) {
        let place = self.place(slot);
        self.set(slot, Condition::Sick);
        self.open(slot, Case::new(Trouble::Disk, wrote, now));
        self.findings.push(Finding::DiskStalled { slot, wrote });
        let changes = self.arrays.falls(slot, &place.arrays, now);
        self.tell(changes, Cause::Arrays, now);
    }

    /// Closes a case, because the server gave a sign of life at a time, or writes its disk again. One
    /// that was started anew may well have been off before, and so may one that has no agent to tell.
    pub(super) fn absolve(&mut self, slot: Slot, restarted: bool, at: Time, now: Time) {
        let place = self.place(slot);
        let Some(case) = self.close(slot) else {
            return;
        };
        let is_same_boot = !restarted && self.ledger.row(slot).state.watch != Watch::Probed;
        if is_same_boot && !case.distrusted && case.read_off_before(at, &self.profile) {
            self.findings.push(Finding::Contradicted { slot });
        }
        match case.trouble {
            Trouble::Silent => {
                if case.fell {
                    self.labels.returns(slot, &place.labels, now);
                }
                self.arrays.joins(&place.arrays);
            }
            Trouble::Disk => self.arrays.returns(slot, &place.arrays, now),
        }
        self.set(slot, Condition::Watched);
        self.findings.push(Finding::Recovered { slot });
    }

    fn end_holds(&mut self, now: Time) {
        let (window, linger) = (self.profile.window, self.profile.linger);
        let changes = self.labels.pass(now, window, linger);
        self.tell(changes, Cause::Shared, now);
        let changes = self.arrays.pass(now, window, linger);
        self.tell(changes, Cause::Arrays, now);
    }

    fn tell<Name: Ord>(
        &mut self,
        changes: Vec<Change<Name>>,
        cause: impl Fn(BTreeSet<Name>) -> Cause,
        now: Time,
    ) {
        for change in changes {
            let (finding, slots) = match change {
                Change::Began(names, slots) => {
                    let cause = cause(names);
                    let told = slots.clone();
                    (Finding::Held { cause, slots }, told)
                }
                Change::Ended(names, slots) => {
                    let cause = cause(names);
                    let told = slots.clone();
                    (Finding::HoldEnded { cause, slots }, told)
                }
            };
            self.findings.push(finding);
            for slot in slots {
                self.look_at(slot, now);
            }
        }
    }

    /// Looks at a suspect: asks what is to be asked, and judges.
    fn look(&mut self, slot: Slot, now: Time) {
        let falls = |case: &mut Case| case.falls(&self.profile, now);
        if self.cases.get_mut(&slot).is_some_and(falls) {
            let place = self.place(slot);
            let changes = self.labels.falls(slot, &place.labels, now);
            self.tell(changes, Cause::Shared, now);
        }
        let outlives = |case: &Case| case.outlives_its_array(&self.profile, now);
        if self.cases.get(&slot).is_some_and(outlives) {
            self.arrays.decided(slot, now);
        }
        let doubt = self.doubt_about(slot);
        let paths = self.paths(slot);
        let Some(case) = self.cases.get_mut(&slot) else {
            return;
        };
        let profile = &self.profile;
        let mut questions = Vec::new();
        if case.probes(profile, now) {
            questions.extend(paths.iter().copied().map(Question::Probe));
        }
        if case.status() != Some(Status::Dead) {
            let power = case.power.asks(profile, now).then_some(Question::Power);
            let sessions = case
                .sessions
                .asks(profile, now)
                .then_some(Question::Sessions);
            let ports = case.ports.asks(profile, now).then_some(Question::Ports);
            questions.extend(power.into_iter().chain(sessions).chain(ports));
        }
        for question in questions {
            self.findings.push(Finding::Ask {
                slot,
                question,
                asked: now,
            });
        }
        self.judge_case(slot, doubt, now);
        self.look_later(slot, now);
    }

    fn judge_case(&mut self, slot: Slot, doubt: Option<Doubt>, now: Time) {
        let heard = self.ledger.heard(slot);
        let Some(case) = self.cases.get_mut(&slot) else {
            return;
        };
        let mut seen = case.seen(&self.profile, doubt.clone(), heard, now);
        let mut judgement = judge(&seen);
        if judgement == Judgement::Contradiction {
            case.distrusted = true;
            self.findings.push(Finding::Contradicted { slot });
            seen = case.seen(&self.profile, doubt, heard, now);
            judgement = judge(&seen);
        }
        let Judgement::Found(row) = judgement else {
            return;
        };
        if row == Row::HeldBack && case.status().is_some_and(Status::is_decided) {
            return;
        }
        let verdict = Verdict::explain(row, seen);
        let status = verdict.status;
        if case.take(verdict.clone(), now) {
            self.findings.push(Finding::Judged { slot, verdict });
        }
        if case.passes_ceiling(&self.profile, now) {
            self.findings.push(Finding::CeilingPassed { slot });
        }
        if status.is_decided() {
            self.labels.decided(slot, now);
        }
    }

    /// Why a suspect may be innocent.
    fn doubt_about(&self, slot: Slot) -> Option<Doubt> {
        let case = self.cases.get(&slot)?;
        let shared = || match case.trouble {
            Trouble::Silent => self.labels.cause(slot).map(Cause::Shared),
            Trouble::Disk => self.arrays.cause(slot).map(Cause::Arrays),
        };
        let held = |cause| Doubt {
            cause,
            testimony_decides: true,
        };
        // What is heard is no fault of a link.
        let paths = match case.trouble {
            Trouble::Silent => self.paths(slot),
            Trouble::Disk => &[],
        };
        self.doubt.about(paths).or_else(|| shared().map(held))
    }

    pub(super) fn paths(&self, slot: Slot) -> &'static [Path] {
        const BOTH: &[Path] = &Path::BOTH;
        match self.ledger.row(slot).state.watch {
            Watch::Agent => BOTH,
            Watch::AgentOnOnePath | Watch::Probed => &BOTH[..1],
        }
    }

    fn open(&mut self, slot: Slot, case: Case) {
        self.agenda.insert((case.wake, slot));
        self.cases.insert(slot, case);
    }

    pub(super) fn close(&mut self, slot: Slot) -> Option<Case> {
        let case = self.cases.remove(&slot)?;
        self.agenda.remove(&(case.wake, slot));
        Some(case)
    }

    /// Looks at a suspect at a time at the latest.
    pub(super) fn look_at(&mut self, slot: Slot, at: Time) {
        if let Some(case) = self.cases.get_mut(&slot) {
            self.agenda.remove(&(case.wake, slot));
            case.wake = at;
            self.agenda.insert((at, slot));
        }
    }

    pub(super) fn look_at_all(&mut self, at: Time) {
        let suspects: Vec<Slot> = self.cases.keys().copied().collect();
        for slot in suspects {
            self.look_at(slot, at);
        }
    }

    fn look_later(&mut self, slot: Slot, now: Time) {
        if let Some(case) = self.cases.get_mut(&slot) {
            self.agenda.remove(&(case.wake, slot));
            case.wake = case.next_wake(&self.profile, now);
            if case.wake < Time::NEVER {
                self.agenda.insert((case.wake, slot));
            }
        }
    }
}
