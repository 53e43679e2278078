//! What a persona is doing, and what can happen to it then.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a persona is doing: the five states of AIM, and three that say how a failover stands.
///
/// The health of its server, the power and the holders are separate facts, not folded in here.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PersonaState {
    /// No server may act as it.
    #[default]
    Stopped,
    /// It is to run and has no home that works; it waits until a server fits. Nothing has been
    /// taken from the old home.
    Waiting,
    /// A server is reserved; whatever else could act as it is being taken away from it.
    Fencing,
    /// The fence could not be proven; the takeover waits for a late proof or for an operator.
    OperatorNeeded,
    /// Its new home may act as it and is starting; the boot timer runs.
    Booting,
    /// It is up; its services have yet to answer.
    AwaitingConfirmation,
    /// It serves.
    Running,
    /// It is being stopped: its last home is shut down, or fenced.
    ShuttingDown,
}

/// What happens to a persona. Each is committed before it is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonaEvent {
    /// It is to run. (A planned move is a stop and a start.)
    StartRequested,
    /// It is to stop.
    StopRequested,
    /// A server that fits has been reserved for it.
    Placed,
    /// No server but the reserved one may act as it any more; while stopping: none at all.
    FenceProven,
    /// Every allowed way to prove the fence has failed.
    FenceUnproven,
    /// A step before *agent up* failed: the run is over, the server it was for is given up.
    StepFailed,
    /// The boot timer ended before it was up. From now on its home's heartbeats are refused.
    BootTimerEnded,
    /// This persona, under this generation, on this server, booted anew and has written its disk.
    /// Of a persona without agent: a new session of this server, and the health monitor answers.
    AgentUp,
    /// Its application answers.
    ServicesReady,
    /// Its home is judged dead, or is to be given up by policy.
    HomeLost,
    /// It keeps the home it has, of which nothing was taken: the home returned by itself, or the
    /// stop was given up.
    HomeKept,
}

impl fmt::Display for PersonaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stopped => "stopped",
            Self::Waiting => "waiting",
            Self::Fencing => "fencing",
            Self::OperatorNeeded => "waiting for an operator",
            Self::Booting => "booting",
            Self::AwaitingConfirmation => "awaiting confirmation",
            Self::Running => "running",
            Self::ShuttingDown => "shutting down",
        })
    }
}

impl PersonaState {
    /// The state after that event; none if it cannot happen here and changes nothing.
    ///
    /// ```text
    ///         start       placed      proven      agent up               services ready
    /// Stopped ───▶ Waiting ───▶ Fencing ───▶ Booting ───▶ AwaitingConfirmation ───▶ Running
    ///                             │  unproven   ▲
    ///                             ▼             │ proven late, or by an operator
    ///                       OperatorNeeded ─────┘
    /// ```
    ///
    /// From the right everything falls back to *waiting*: a home is lost, a boot timer ends, a
    /// step fails. From there it may return to *running* at once, if it keeps its home after all.
    /// A stop leads from anywhere over *shutting down* to *stopped*, once that is proven.
    #[must_use]
    #[expect(
        clippy::match_same_arms,
        reason = "one arm an event, in the order of a life"
    )]
    pub fn next(self, event: PersonaEvent) -> Option<Self> {
        use PersonaEvent as On;
        use PersonaState::{
            AwaitingConfirmation, Booting, Fencing, OperatorNeeded, Running, ShuttingDown, Stopped,
            Waiting,
        };
        Some(match (self, event) {
            (Stopped, On::StartRequested) => Waiting,
            (Waiting | ShuttingDown, On::Placed) => Fencing,
            (Fencing, On::FenceUnproven) => OperatorNeeded,
            (Fencing | OperatorNeeded, On::FenceProven) => Booting,
            (Booting, On::AgentUp) => AwaitingConfirmation,
            (AwaitingConfirmation, On::ServicesReady) => Running,

            (Booting, On::BootTimerEnded) => Waiting,
            (Fencing | OperatorNeeded | Booting, On::StepFailed) => Waiting,
            (Booting | AwaitingConfirmation | Running, On::HomeLost) => Waiting,
            (Waiting | ShuttingDown, On::HomeKept) => Running,

            (Stopped | ShuttingDown, On::StopRequested) => return None,
            (_, On::StopRequested) => ShuttingDown,
            (ShuttingDown, On::FenceProven) => Stopped,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PersonaEvent as On;
    use super::PersonaState as Is;

    const EVENTS: [On; 11] = [
        On::StartRequested,
        On::StopRequested,
        On::Placed,
        On::FenceProven,
        On::FenceUnproven,
        On::StepFailed,
        On::BootTimerEnded,
        On::AgentUp,
        On::ServicesReady,
        On::HomeLost,
        On::HomeKept,
    ];

    /// Written by hand: a row a state, a column an event, in the cell the
    /// first letter of the state that follows (`S` shutting down, `s` stopped).
    #[rustfmt::skip]
    const TABLE: [(Is, &str); 8] = [
        //                           start stop place proof unpr fail timer up ready lost kept
        (Is::Stopped, "                W    .    .    .    .    .    .    .    .    .    .  "),
        (Is::Waiting, "                .    S    F    .    .    .    .    .    .    .    R  "),
        (Is::Fencing, "                .    S    .    B    O    W    .    .    .    .    .  "),
        (Is::OperatorNeeded, "         .    S    .    B    .    W    .    .    .    .    .  "),
        (Is::Booting, "                .    S    .    .    .    W    W    A    .    W    .  "),
        (Is::AwaitingConfirmation, "   .    S    .    .    .    .    .    .    R    W    .  "),
        (Is::Running, "                .    S    .    .    .    .    .    .    .    W    .  "),
        (Is::ShuttingDown, "           .    .    F    s    .    .    .    .    .    .    R  "),
    ];

    fn state(letter: &str) -> Option<Is> {
        Some(match letter {
            "." => return None,
            "s" => Is::Stopped,
            "W" => Is::Waiting,
            "F" => Is::Fencing,
            "O" => Is::OperatorNeeded,
            "B" => Is::Booting,
            "A" => Is::AwaitingConfirmation,
            "R" => Is::Running,
            "S" => Is::ShuttingDown,
            other => unreachable!("{other} is no state"),
        })
    }

    #[test]
    fn every_pair_of_state_and_event_is_as_in_the_table() {
        for (before, row) in TABLE {
            let cells: Vec<_> = row.split_whitespace().map(state).collect();
            assert_eq!(cells.len(), EVENTS.len());
            for (event, after) in EVENTS.into_iter().zip(cells) {
                assert_eq!(before.next(event), after, "{before:?} on {event:?}");
            }
        }
    }

    #[test]
    fn nothing_boots_but_on_a_proven_fence() {
        for (before, _) in TABLE {
            for event in EVENTS {
                let boots = before.next(event) == Some(Is::Booting);
                assert!(
                    !boots || event == On::FenceProven,
                    "{before:?} on {event:?}"
                );
            }
        }
    }

    #[test]
    fn no_state_is_a_dead_end() {
        for (before, _) in TABLE {
            assert!(EVENTS.iter().any(|event| before.next(*event).is_some()));
        }
    }
}
