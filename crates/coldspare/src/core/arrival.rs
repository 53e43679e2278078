//! When a persona that was given to a server counts as up, and when it is given up.

use std::time::Duration;

use coldspare_names::{Generation, PersonaName, ServerName, Time};

use super::{Core, Output, Subject};
use crate::act::{Obstacle, StepError};
use crate::ask::Ask;
use crate::event::{Event, What};

impl Core {
    /// Waits for the persona to be heard; the end of its boot timer ends the waiting.
    pub(super) fn await_agent(&mut self, name: &PersonaName) {
        let Some(run) = self.record(name).and_then(|record| record.run.as_ref()) else {
            return;
        };
        let (Some(generation), Some(deadline), Some(to)) =
            (run.awaits(), run.deadline, run.to.clone())
        else {
            return;
        };
        let stage = self.personas.get(name).and_then(|of| of.stage.as_ref());
        let Some(began) = stage.map(|stage| stage.began) else {
            return;
        };
        let deadline = deadline.max(began + self.hearing_time(name));
        // The server was off then, or has been shut out since: no older session is left of it.
        let since = run.opened;
        if self.now >= deadline {
            let error = StepError {
                step: format!("bring {name} up on {}", to.server),
                obstacle: Obstacle::Device,
                reason: "its boot timer has ended".to_owned(),
            };
            if let Some(stage) = self.personas.get_mut(name).and_then(|p| p.stage.as_mut()) {
                stage.ends = vec![Some((self.now, Err(error)))];
            }
            self.dirty.insert(Subject::Persona(name.clone()));
            return;
        }
        self.timers
            .insert((deadline, Subject::Persona(name.clone())));
        let has_agent = self
            .site
            .personas
            .get(name)
            .is_some_and(|of| of.persona.agent);
        if !has_agent && self.is_heard(&to.server) {
            let (persona, server) = (name.clone(), to.server);
            self.outputs.push(Output::Ask(Ask::Wears {
                persona,
                server,
                generation,
                since,
            }));
        }
    }

    /// How long it takes to hear from whoever is up. A controller that was away may begin to wait
    /// after the boot timer has ended: who came up meanwhile is not given up unheard.
    fn hearing_time(&self, name: &PersonaName) -> Duration {
        let of = self.site.personas.get(name);
        let timer = of.map(|of| of.persona.boot_timer.length());
        let profile = &self.site.heartbeat;
        let heard = profile.silence + profile.disk_silence + profile.answer_limit;
        heard.min(timer.unwrap_or_default())
    }

    fn is_heard(&self, server: &ServerName) -> bool {
        self.servers
            .get(server)
            .is_some_and(|server| server.started)
    }

    /// The persona was heard under this generation; `wrote` is when its disk was last written.
    pub(super) fn agent_up(
        &mut self,
        name: &PersonaName,
        generation: Generation,
        wrote: Option<Time>,
    ) {
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        let run = persona
            .kept
            .as_ref()
            .and_then(|kept| kept.record.run.as_ref());
        let (Some(run), Some(stage)) = (run, persona.stage.as_mut()) else {
            return;
        };
        let awaited = run.awaits().is_some_and(|awaited| awaited == generation);
        // Whoever wrote once and has lost its disk since is not up.
        let disk_silence = self.site.heartbeat.disk_silence;
        let writes = |wrote: Time| wrote >= stage.began && self.now.since(wrote) <= disk_silence;
        if awaited && wrote.is_some_and(writes) && !stage.has_ended() {
            stage.ends = vec![Some((self.now, Ok(None)))];
            let event = Event::new(What::AgentUp).persona(name);
            let event = run
                .to
                .iter()
                .fold(event, |event, to| event.server(&to.server));
            self.tell(event.because(format!(
                "heard under generation {generation}, and its disk is written"
            )));
            self.dirty.insert(Subject::Persona(name.clone()));
        }
    }
}
