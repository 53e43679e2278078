//! What happens, and what follows at once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use coldspare::act::{Obstacle, Order, StepError};
use coldspare::ask::{Lists, answer};
use coldspare::core::{Input, Output, TaskId};
use coldspare::record::Loaded;
use coldspare::{Clock, longest_give};
use coldspare_heartbeat::Path;
use coldspare_names::ServerName;
use coldspare_store::{Candidate, Entry, Key, Outcome, Put, Revision, Term, Txn};

use crate::broken::{Lack, blindly};
use crate::controller::{Todo, office};
use crate::line::{Line, UnderWay, play};
use crate::model::{Action, Rules, State};
use crate::plant::{Iron, Server, TICK};

impl State {
    pub(crate) fn apply(&mut self, rules: &Rules, action: Action) {
        match &action {
            Action::Do(_) | Action::Pass | Action::Wake(_) | Action::StepDown(_) => {}
            _ => self.disturbed = self.now,
        }
        match action {
            Action::Do(who) => self.do_next(rules, who, true),
            Action::Pass => self.pass(rules),
            Action::Unanswered(who) => {
                self.left.mishaps -= 1;
                self.do_next(rules, who, false);
            }
            Action::GiveUp(who, made) => {
                self.left.mishaps -= 1;
                if let Some((task, order)) = self.leave_off(rules, who, made) {
                    let end = Err(no_answer(&order));
                    self.tell(rules, who, Input::Acted { task, end });
                }
            }
            Action::DieIn(who, made) => {
                self.left.breaks -= 1;
                self.leave_off(rules, who, made);
                self.controllers[who].start_again();
            }
            Action::PauseIn(who, made) => {
                self.left.breaks -= 1;
                self.pause_in(rules, who, made);
            }
            Action::Pause(who) => {
                self.left.breaks -= 1;
                self.controllers[who].paused = true;
            }
            Action::Die(who) => {
                self.left.breaks -= 1;
                self.controllers[who].start_again();
            }
            Action::Wake(who) => {
                self.controllers[who].paused = false;
                self.tell(rules, who, Input::Tick);
            }
            Action::StepDown(who) => self.controllers[who].stand(&rules.iron, self.now),
            Action::Land(index) => {
                let (_, step) = self.late.remove(index);
                let until = step.made + 1;
                drop(step.go_on(&rules.iron, &mut self.plant, until));
            }
            Action::Blackout(name) => {
                self.left.faults -= 1;
                self.server(&name).lose_mains();
            }
            Action::PowerReturns(name) => {
                self.left.mends -= 1;
                self.server(&name).return_mains();
            }
            Action::Freeze(name) => {
                self.left.faults -= 1;
                self.server(&name).frozen = true;
            }
            Action::Thaw(name) => {
                self.left.mends -= 1;
                self.server(&name).frozen = false;
            }
        }
    }

    fn server(&mut self, name: &ServerName) -> &mut Server {
        self.plant
            .servers
            .get_mut(name)
            .expect("a server of the site")
    }

    /// A tick: effects that are too late never come, servers live, controllers hear them, stand for
    /// leadership, and are woken.
    fn pass(&mut self, rules: &Rules) {
        self.now = self.now + TICK;
        let now = self.now;
        self.late.retain(|(until, _)| *until >= now);
        self.plant.live(&rules.iron, now);
        let beats = self.plant.beats(&rules.iron, now);
        for who in 0..2 {
            if self.controllers[who].paused {
                continue;
            }
            self.stand(&rules.iron, who);
            let Some(mind) = &mut self.controllers[who].mind else {
                continue;
            };
            let waited = std::mem::take(&mut mind.waits);
            mind.todo.extend(waited);
            let rings = mind.rings(now);
            for (server, beat) in beats.clone() {
                self.tell(
                    rules,
                    who,
                    Input::Heard {
                        server,
                        path: Path::First,
                        beat,
                    },
                );
            }
            if rings {
                self.tell(rules, who, Input::Tick);
            }
        }
    }

    /// What [`coldspare::leading::Contest`] does twice a second.
    fn stand(&mut self, iron: &Iron, who: usize) {
        let prefix = Candidate::prefix(&office()).expect("a good key");
        let mut listing = self.store.clone();
        listing.entries.retain(|key, _| prefix.contains(key));
        let now = self.now;
        if let Some(bid) = self.controllers[who].candidate.consider(now, &listing) {
            let outcome = self.commit(&bid);
            self.controllers[who].candidate.decided(now, &outcome);
        }
        self.controllers[who].stand(iron, now);
    }

    fn commit(&mut self, txn: &Txn) -> Outcome {
        let found = |key: &Key| self.store.entries.get(key).map(|entry| entry.revision);
        if let Some(conflict) = txn.conflict(found) {
            return Outcome::Conflict(conflict);
        }
        let revision = Revision::new(self.store.revision.number() + 1);
        self.store.revision = revision;
        for (key, put) in txn.changes() {
            match put {
                // Nothing is decided by what the journal says.
                _ if key.as_str().starts_with("journal/") => {}
                Put::Value(value) => {
                    let value = value.clone();
                    self.store
                        .entries
                        .insert(key.clone(), Entry { value, revision });
                }
                Put::Delete => drop(self.store.entries.remove(key)),
            }
        }
        Outcome::Committed(revision)
    }

    /// What [`coldspare::record::load`] reads; no journal is kept.
    fn load(&self) -> Loaded {
        let mut record = self.store.clone();
        record
            .entries
            .retain(|key, _| key.as_str().starts_with("record/"));
        let lines = BTreeSet::new();
        Loaded { record, lines }
    }

    /// Hands something in to a leader, and what follows at once.
    pub(crate) fn tell(&mut self, rules: &Rules, who: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now;
            let Some(mind) = &mut self.controllers[who].mind else {
                return;
            };
            for output in mind.handle(now, input) {
                match output {
                    Output::Load { .. } => inputs.push_back(Input::Loaded(self.load())),
                    Output::Ask(ask) => {
                        let devices = Line::to(&rules.iron, &self.plant).devices();
                        let site = rules.iron.site.clone();
                        let asked = async {
                            let (clock, lists) = (Clock::showing(now), Lists::default());
                            answer(&devices, &site, clock, &lists, ask).await
                        };
                        inputs.push_back(Input::Answered(play(asked)));
                    }
                    _ => {}
                }
            }
            let rings = self.controllers[who]
                .mind
                .as_mut()
                .is_some_and(|mind| mind.rings(now));
            inputs.extend(rings.then_some(Input::Tick));
        }
    }

    /// Whether a step may be begun: what gives needs the lease.
    pub(crate) fn may_begin(&self, rules: &Rules, who: usize, order: &Order) -> bool {
        let longest = match rules.lack {
            Lack::Wait => Duration::ZERO,
            _ => longest_give(&rules.iron.site),
        };
        let tenure = self.controllers[who].tenure.as_ref();
        !order.gives(rules.iron.traits.binds())
            || tenure.is_some_and(|tenure| tenure.may_give(self.now, order.limit, longest))
    }

    /// Whether a controller believes to lead, though its lease is over.
    pub(crate) fn is_past(&self, who: usize) -> bool {
        let tenure = self.controllers[who].tenure.as_ref();
        tenure.is_some_and(|tenure| tenure.until <= self.now)
    }

    fn do_next(&mut self, rules: &Rules, who: usize, answered: bool) {
        let mind = self.controllers[who].mind.as_mut();
        let Some(todo) = mind.and_then(|mind| mind.todo.pop_front()) else {
            return;
        };
        match todo {
            Todo::Commit(commit, txn) => {
                let outcome = self.commit_of(rules, who, txn);
                let end = if answered {
                    Ok(outcome)
                } else {
                    Err("unanswered".to_owned())
                };
                self.tell(rules, who, Input::Committed { commit, end });
                // Refused again and again, it would try for ever, if its lease did not end it.
                if self.is_past(who) {
                    self.controllers[who].stand(&rules.iron, self.now);
                }
            }
            Todo::Act(_, ref order) if !self.may_begin(rules, who, order) => {
                let mind = self.controllers[who].mind.as_mut();
                mind.expect("it leads").waits.push_back(todo);
            }
            Todo::Act(task, order) if rules.lack == Lack::Deeds => {
                let end = Err(no_answer(&order));
                self.tell(rules, who, Input::Acted { task, end });
            }
            Todo::Act(task, order) => {
                let step = match rules.lack {
                    Lack::Proof => blindly(&rules.iron, order, &self.plant),
                    _ => UnderWay::beginning(order, &self.plant),
                };
                self.go_on(rules, who, task, &step, answered);
            }
            Todo::GoOn(task, step) => self.go_on(rules, who, task, &step, true),
        }
    }

    fn go_on(&mut self, rules: &Rules, who: usize, task: TaskId, step: &UnderWay, answered: bool) {
        let (_, end) = step.go_on(&rules.iron, &mut self.plant, usize::MAX);
        let end = if answered {
            end
        } else {
            Err(no_answer(&step.order))
        };
        self.tell(rules, who, Input::Acted { task, end });
    }

    /// A leader's commit: it expects the leader's term.
    fn commit_of(&mut self, rules: &Rules, who: usize, txn: Txn) -> Outcome {
        let term = self.controllers[who]
            .tenure
            .as_ref()
            .map(|tenure| tenure.term.clone());
        let latest = Term::latest(&office(), &self.store).expect("a good key");
        let guarded = match &term {
            Some(term) if rules.lack != Lack::Term => term.guard(txn),
            _ => txn,
        };
        let outcome = self.commit(&guarded);
        self.trespassed |= latest != term && matches!(outcome, Outcome::Committed(_));
        outcome
    }

    /// Makes so many calls of the next step; nobody waits for the next one.
    fn leave_off(
        &mut self,
        rules: &Rules,
        who: usize,
        made: usize,
    ) -> Option<(TaskId, Arc<Order>)> {
        let mind = self.controllers[who].mind.as_mut()?;
        let Some(Todo::Act(task, order)) = mind.todo.pop_front() else {
            return None;
        };
        let mut step = UnderWay::beginning(order.clone(), &self.plant);
        drop(step.go_on(&rules.iron, &mut self.plant, made));
        step.made = made;
        // It may have been sent as late as its caller still waited, and land one limit later.
        self.late.push((self.now + order.limit * 2, step));
        Some((task, order))
    }

    fn pause_in(&mut self, rules: &Rules, who: usize, made: usize) {
        let controller = &mut self.controllers[who];
        controller.paused = true;
        let Some(mind) = &mut controller.mind else {
            return;
        };
        let Some(Todo::Act(task, order)) = mind.todo.pop_front() else {
            return;
        };
        let mut step = UnderWay::beginning(order, &self.plant);
        drop(step.go_on(&rules.iron, &mut self.plant, made));
        step.made = made;
        mind.todo.push_front(Todo::GoOn(task, step));
    }
}

fn no_answer(order: &Order) -> StepError {
    StepError {
        step: order.step.to_string(),
        obstacle: Obstacle::Device,
        reason: "no answer in time".to_owned(),
    }
}
