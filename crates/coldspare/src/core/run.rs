//! How a plan is carried out, stage by stage.
//!
//! The steps of a stage go out side by side; when all have ended the stage is concluded, and the
//! next begins once that is committed.

use coldspare_names::PersonaName;
use coldspare_persona::PersonaState;

use super::conclude::LATECOMERS;
use super::{Core, Stage, Subject};
use crate::act::{Give, Order};
use crate::record::PersonaRecord;
use crate::step::Kind;

impl Core {
    /// Leads a persona on.
    pub(super) fn lead(&mut self, name: &PersonaName) {
        let Some(persona) = self.personas.get(name) else {
            return;
        };
        let Some(kept) = persona.kept.as_ref().filter(|kept| !kept.is_committing()) else {
            return;
        };
        if kept.record.run.is_none() {
            if self.is_outdated(&kept.record) {
                self.refresh(name);
            } else if kept.record.state == PersonaState::Waiting && self.is_back(&kept.record) {
                self.keep_home(name);
            } else if kept.record.state == PersonaState::Waiting {
                let pool = self.pool_for(name);
                self.dirty.extend(pool.clone().map(Subject::Spares));
                self.dirty.extend(pool.map(Subject::Homes));
            }
            return;
        }
        match &persona.stage {
            Some(stage) if stage.has_ended() || self.is_proven(&kept.record, stage) => {
                self.conclude(name);
            }
            Some(_) => self.await_agent(name),
            None if persona.rest_until > self.now => {
                self.timers
                    .insert((persona.rest_until, Subject::Persona(name.clone())));
            }
            None if self.has_returned(&kept.record, persona.failures) => self.call_off(name),
            None => self.begin_stage(name),
        }
    }

    fn begin_stage(&mut self, name: &PersonaName) {
        let Some(record) = self.record(name).cloned() else {
            return;
        };
        let Some(run) = &record.run else { return };
        let Some(steps) = run.plan.stages.get(run.stage) else {
            return;
        };
        if let Some(persona) = self.personas.get_mut(name) {
            persona.stage = Some(Stage {
                began: self.now,
                ends: vec![None; steps.len()],
            });
        }
        if run.awaits().is_some() {
            return self.await_agent(name);
        }
        let gives = steps.iter().any(|step| step.kind() == Kind::Give);
        let mut fenced = record.holding.fenced().keys();
        let heard = fenced.find(|server| self.is_heard_since(server, self.now));
        if let Some(server) = heard.filter(|_| gives) {
            let reason = format!("{server} was fenced, and its heartbeats arrive: not believed");
            return self.unproven(record, Vec::new(), &reason);
        }
        let policy = self.pool_policy(name);
        for (index, step) in steps.iter().enumerate() {
            let limit = self.planner(&policy).limit(step);
            let give = (step.kind() == Kind::Give)
                .then(|| self.give(&record))
                .flatten();
            let order = Order {
                step: step.clone(),
                limit,
                give,
            };
            self.act(Subject::Persona(name.clone()), index, order);
        }
        let patience = self.now + policy.off_pause + LATECOMERS;
        self.timers
            .insert((patience, Subject::Persona(name.clone())));
    }

    /// What giving needs: the one holder, and where to look again before.
    fn give(&self, record: &PersonaRecord) -> Option<Give> {
        let holder = record.holding.home()?;
        let policy = self.pool_policy(record.holding.persona());
        let planner = self.planner(&policy);
        let taken_from = record.holding.fenced().iter().map(|(server, fenced)| {
            let look = planner.look_again(&record.holding, server, fenced.generation);
            (look, fenced.evidence.clone())
        });
        Some(Give {
            holder,
            taken_from: taken_from.collect(),
        })
    }
}
