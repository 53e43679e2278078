//! The steps that were handed out, and what follows when one ends.

use std::collections::BTreeMap;

use coldspare_names::PersonaName;

use super::{Core, Output, Subject, TaskId};
use crate::act::{Done, Order, StepError};
use crate::event::Event;

/// The steps that are on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks {
    /// Which step of whom each is.
    under_way: BTreeMap<TaskId, (Subject, usize)>,
    /// What was handed out for whom; some of it may have ended.
    of: BTreeMap<Subject, Vec<TaskId>>,
}

impl Tasks {
    fn add(&mut self, task: TaskId, subject: Subject, step: usize) {
        self.of.entry(subject.clone()).or_default().push(task);
        self.under_way.insert(task, (subject, step));
    }

    fn end(&mut self, task: TaskId) -> Option<(Subject, usize)> {
        self.under_way.remove(&task)
    }

    fn forget(&mut self, subject: &Subject) {
        for task in self.of.remove(subject).into_iter().flatten() {
            self.under_way.remove(&task);
        }
    }
}

impl Core {
    /// Hands out a step.
    pub(super) fn act(&mut self, subject: Subject, step: usize, order: Order) {
        let task = TaskId(self.number());
        self.tasks.add(task, subject, step);
        self.outputs.push(Output::Act {
            task,
            order: Box::new(order),
        });
    }

    pub(super) fn acted(&mut self, task: TaskId, end: Result<Done, StepError>) {
        let Some((subject, step)) = self.tasks.end(task) else {
            return;
        };
        if end.is_ok() {
            self.tell_done(&subject, step);
        }
        let stage = match &subject {
            Subject::Persona(name) => self.personas.get_mut(name).and_then(|p| p.stage.as_mut()),
            Subject::Server(name) => self.servers.get_mut(name).and_then(|s| s.scrub.as_mut()),
            _ => None,
        };
        if let Some(stage) = stage
            && let Some(place) = stage.ends.get_mut(step)
        {
            *place = Some((self.now, end));
            self.dirty.insert(subject);
        }
    }

    fn tell_done(&mut self, subject: &Subject, step: usize) {
        let Subject::Persona(name) = subject else {
            return;
        };
        let event = self.done(name, step);
        self.outputs.extend(event.map(Output::Tell));
    }

    fn done(&self, name: &PersonaName, step: usize) -> Option<Event> {
        let run = self.record(name)?.run.as_ref()?;
        let step = run.plan.stages.get(run.stage)?.get(step)?;
        Some(step.about(Event::new(step.done()?)).persona(name))
    }

    /// Forgets the steps that are on their way for a subject: their ends no longer matter.
    pub(super) fn abandon(&mut self, subject: &Subject) {
        self.tasks.forget(subject);
    }
}
