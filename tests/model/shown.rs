//! States compared and printed.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::controller::Todo;
use crate::model::State;

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.now, self.disturbed, &self.plant, &self.store).hash(state);
        (&self.controllers, &self.late, self.left, self.trespassed).hash(state);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let digest = |state: &Self| {
            let mut digest = DefaultHasher::new();
            state.hash(&mut digest);
            digest.finish()
        };
        digest(self) == digest(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records::<serde_json::Value>("record/persona/");
        let holdings: Vec<_> = records
            .iter()
            .map(|record| {
                format!(
                    "{} {} run at {}",
                    record["holding"], record["state"], record["run"]["stage"]
                )
            })
            .collect();
        let lead = self.controllers.iter().map(|it| {
            let next = it.next().map(|todo| match todo {
                Todo::Commit(..) => "commit".to_owned(),
                Todo::Act(_, order) => order.step.to_string(),
                Todo::GoOn(_, step) => format!("go on with {}", step.order.step),
            });
            (it.mind.is_some(), it.paused, next)
        });
        let late = self
            .late
            .iter()
            .map(|(until, step)| format!("{} until {until}", step.order.step));
        f.debug_struct("State")
            .field("now", &self.now)
            .field("disturbed", &self.disturbed)
            .field("leads, paused, next", &lead.collect::<Vec<_>>())
            .field("records", &holdings)
            .field("late", &late.collect::<Vec<_>>())
            .field("servers", &self.plant.servers)
            .field("volumes", &self.plant.volumes)
            .field("ports", &self.plant.ports)
            .finish_non_exhaustive()
    }
}
