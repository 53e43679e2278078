//! The state of everything, and what may happen in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use coldspare::Reply;
use coldspare::act::Order;
use coldspare::command::{Actor, Command, Verb};
use coldspare::core::{Input, Output, RequestId};
use coldspare::record::{PersonaRecord, ServerRecord};
use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_persona::PersonaState;
use coldspare_store::{Entry, Listing};

use crate::broken::Lack;
use crate::controller::{Controller, Todo};
use crate::line::UnderWay;
use crate::plant::{Iron, Plant, TICK};

/// How many ticks after the last thing that went wrong everything that could be done is done.
const PATIENCE: u32 = 48;
/// How many ticks nothing happens before nothing more is to be expected.
const STILL: u32 = 1;

/// How much may yet go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    /// Servers that lose their power or stand still.
    pub(crate) faults: u8,
    /// Servers whose power returns, or that go on.
    pub(crate) mends: u8,
    /// Controllers that are paused, or die.
    pub(crate) breaks: u8,
    /// Answers that are lost, and calls that are given up and take effect later.
    pub(crate) mishaps: u8,
}

/// How a server may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// It loses its mains, its management controller too.
    Blackout,
    /// It stands still, and may go on at any moment.
    Freeze,
}

/// What may go wrong, and when.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) iron: Arc<Iron>,
    pub(crate) lack: Lack,
    pub(crate) left: Left,
    /// Servers may fail between any two steps; else only when no controller has anything to do.
    pub(crate) at_any_moment: bool,
    /// How which servers may fail.
    pub(crate) fragile: BTreeSet<(ServerName, Failure)>,
    /// Controllers are paused or die only in the midst of a step that gives; else anywhere.
    pub(crate) break_giving: bool,
    /// A leader may be paused in the midst of a step, and send the rest of it after its lease.
    pub(crate) sends_late: bool,
}

#[derive(Clone)]
pub(crate) struct State {
    pub(crate) now: Time,
    /// When something went wrong last, or was mended.
    pub(crate) disturbed: Time,
    pub(crate) plant: Plant,
    pub(crate) store: Listing,
    pub(crate) controllers: [Controller; 2],
    /// Calls that nobody waits for any more, and that may yet take effect: each until then.
    pub(crate) late: Vec<(Time, UnderWay)>,
    pub(crate) left: Left,
    /// A leader of the past has recorded something.
    pub(crate) trespassed: bool,
}

/// What may happen. The first two are what happens when nothing goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A controller does the next thing that it has to do.
    Do(usize),
    /// A tick passes.
    Pass,
    /// It does it, and never hears how it ended.
    Unanswered(usize),
    /// After so many calls of the next step it gives up; the next call takes effect later, or never.
    GiveUp(usize, usize),
    /// It dies after so many calls of the next step; the next call takes effect later, or never.
    DieIn(usize, usize),
    /// It is paused after so many calls of the next step.
    PauseIn(usize, usize),
    /// It is paused.
    Pause(usize),
    /// It dies, and is started again.
    Die(usize),
    /// It goes on where it was paused.
    Wake(usize),
    /// It takes note that its lease is over.
    StepDown(usize),
    /// A call that nobody waits for takes effect.
    Land(usize),
    /// A server loses its mains, its controller too.
    Blackout(ServerName),
    /// They return.
    PowerReturns(ServerName),
    /// A server stands still.
    Freeze(ServerName),
    /// It goes on.
    Thaw(ServerName),
}

impl State {
    /// The site as it runs: the first controller leads, and has brought both personas up.
    pub(crate) fn running(rules: &Rules) -> Self {
        let mut state = Self {
            now: Time::EPOCH,
            disturbed: Time::EPOCH,
            plant: Plant::bare(&rules.iron),
            store: Listing::default(),
            controllers: [Controller::new('a', 1), Controller::new('b', 1)],
            late: Vec::new(),
            left: rules.left,
            trespassed: false,
        };
        let mut whole = rules.clone();
        whole.lack = Lack::Nothing;
        state.settle(&whole);
        for (number, (persona, of)) in (0..).zip(&rules.iron.site.personas) {
            let (persona, on) = (persona.clone(), of.home.clone());
            let request = RequestId(number);
            let actor = Actor::Person("operator-1".to_owned());
            let command = Command {
                actor,
                verb: Verb::Start { persona, on },
            };
            state.tell(&whole, 0, Input::Asked { request, command });
            state.settle(&whole);
        }
        state
    }

    /// Lets time pass until nothing more is to be expected.
    fn settle(&mut self, rules: &Rules) {
        self.disturbed = self.now;
        loop {
            match self.controllers.iter().position(Controller::is_busy) {
                Some(who) => self.apply(rules, Action::Do(who)),
                None if self.is_still() => return,
                None => self.apply(rules, Action::Pass),
            }
            assert!(
                self.now - self.disturbed < TICK * PATIENCE,
                "it never settles: {self:#?}"
            );
        }
    }

    pub(crate) fn actions(&self, rules: &Rules, actions: &mut Vec<Action>) {
        let busy: Vec<_> = (0..2)
            .filter(|who| self.controllers[*who].is_busy())
            .collect();
        self.what_may_fail(rules, busy.is_empty(), actions);
        for (who, controller) in self.controllers.iter().enumerate() {
            if controller.paused {
                actions.push(Action::Wake(who));
            } else if self.is_past(who) {
                actions.push(Action::StepDown(who));
            }
        }
        actions.extend((0..self.late.len()).map(Action::Land));
        if !busy.is_empty() {
            actions.extend(busy.into_iter().map(Action::Do));
        } else if !self.is_over() {
            actions.push(Action::Pass);
        }
    }

    fn what_may_fail(&self, rules: &Rules, idle: bool, actions: &mut Vec<Action>) {
        for (who, controller) in self.controllers.iter().enumerate() {
            if controller.paused || controller.mind.is_none() {
                continue;
            }
            let next = controller.next().filter(|_| !idle);
            if self.left.breaks > 0 && !rules.break_giving {
                actions.extend([Action::Die(who), Action::Pause(who)]);
            }
            match next {
                Some(Todo::Act(_, order)) if self.may_begin(rules, who, order) => {
                    self.what_may_fail_in(rules, who, order, actions);
                }
                Some(Todo::Commit(..)) if self.left.mishaps > 0 => {
                    actions.push(Action::Unanswered(who));
                }
                _ => {}
            }
        }
        if !idle && !rules.at_any_moment {
            return;
        }
        for (name, server) in &self.plant.servers {
            let may =
                |failure| self.left.faults > 0 && rules.fragile.contains(&(name.clone(), failure));
            let name = || name.clone();
            if server.mains && may(Failure::Blackout) {
                actions.push(Action::Blackout(name()));
            }
            if server.system.is_some() && !server.frozen && may(Failure::Freeze) {
                actions.push(Action::Freeze(name()));
            }
            if self.left.mends > 0 && !server.mains {
                actions.push(Action::PowerReturns(name()));
            }
            if self.left.mends > 0 && server.frozen {
                actions.push(Action::Thaw(name()));
            }
        }
    }

    fn what_may_fail_in(
        &self,
        rules: &Rules,
        who: usize,
        order: &Arc<Order>,
        actions: &mut Vec<Action>,
    ) {
        let Left {
            mut breaks,
            mishaps,
            ..
        } = self.left;
        if rules.break_giving && order.give.is_none() {
            breaks = 0;
        }
        if breaks == 0 && mishaps == 0 {
            return;
        }
        if mishaps > 0 {
            actions.push(Action::Unanswered(who));
        }
        let step = UnderWay::beginning(order.clone(), &self.plant);
        let (calls, _) = step.go_on(&rules.iron, &mut self.plant.clone(), usize::MAX);
        let changes = |index: usize| calls.get(index) == Some(&true);
        for made in 0..calls.len() {
            if changes(made) && mishaps > 0 {
                actions.push(Action::GiveUp(who, made));
            }
            if changes(made) && breaks > 0 {
                actions.push(Action::DieIn(who, made));
            }
            // What was read long ago is as good as what was read last: before and after the last
            // reading are all the moments that differ.
            let differs = changes(made) || changes(made + 1);
            if differs && breaks > 0 && rules.sends_late {
                actions.push(Action::PauseIn(who, made));
            }
        }
    }

    /// Whether nothing was under way for a while.
    fn is_still(&self) -> bool {
        self.now - self.disturbed >= TICK * STILL && self.is_calm()
    }

    /// Whether everything is as it shall be: every persona at home, every other server that can be
    /// reached a spare, and nobody doing anything.
    fn is_calm(&self) -> bool {
        let led = self
            .controllers
            .iter()
            .any(|it| it.mind.is_some() && !it.paused);
        let waits = |it: &Controller| it.mind.as_ref().is_some_and(|mind| !mind.waits.is_empty());
        if !led || self.controllers.iter().any(|it| it.is_busy() || waits(it)) {
            return false;
        }
        let personas = self.records::<PersonaRecord>("record/persona/");
        let settled = personas.iter().all(|record| {
            let home = record.holding.home().map(|grant| grant.server);
            let wanted = record.state != PersonaState::Stopped;
            let there = self.plant.home(record.holding.persona());
            record.run.is_none() && (!wanted || (home.is_some() && there == home.as_ref()))
        });
        let spares = self.plant.servers.iter().all(|(name, server)| {
            let involved = personas.iter().any(|record| record.holding.involves(name));
            let record = self.record::<ServerRecord>(&format!("record/server/{name}"));
            involved || !server.mains || record.is_some_and(|record| record.scrubbed)
        });
        !personas.is_empty() && settled && spares
    }

    /// Whether nothing more is to be expected, unless something goes wrong.
    pub(crate) fn is_over(&self) -> bool {
        let quiet = self.now - self.disturbed;
        let runs = || {
            self.records::<PersonaRecord>("record/persona/")
                .iter()
                .any(PersonaRecord::is_in_run)
        };
        (quiet >= TICK * PATIENCE && (quiet >= TICK * PATIENCE * 2 || !runs()))
            || (self.late.is_empty() && self.is_still())
    }

    fn record<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        let entry = self.store.entries.get(key)?;
        Some(serde_json::from_slice(entry.value.bytes()).expect("a record"))
    }

    pub(crate) fn records<T: serde::de::DeserializeOwned>(&self, prefix: &str) -> Vec<T> {
        let entries = self.store.entries.iter();
        let of_kind = entries.filter(|(key, _)| key.as_str().starts_with(prefix));
        let read = |entry: &Entry| serde_json::from_slice(entry.value.bytes()).expect("a record");
        of_kind.map(|(_, entry)| read(entry)).collect()
    }

    /// Whether a persona is at home, or a leader says why it is not.
    pub(crate) fn is_explained(&self, persona: &PersonaName) -> bool {
        if self.plant.home(persona).is_some() {
            return true;
        }
        let mut minds = self.controllers.iter().filter_map(|it| it.mind.clone());
        minds.any(|mut mind| {
            let actor = Actor::Person("operator-1".to_owned());
            let command = Command {
                actor,
                verb: Verb::Status,
            };
            let request = RequestId(0);
            let outputs = mind.handle(self.now, Input::Asked { request, command });
            outputs.into_iter().any(|output| match output {
                Output::Reply {
                    reply: Reply::Status(overview),
                    ..
                } => {
                    let mut personas = overview.personas.into_iter();
                    personas.any(|of| of.persona == *persona && of.waits_for.is_some())
                }
                _ => false,
            })
        })
    }
}
