//! What a persona is doing, and what can happen to it then.

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

impl PersonaState {
    /// The state after that event; none if it cannot happen here and changes nothing.
    ///
    /// ```text
    ///             start            placed            proven            agent up
    ///   Stopped ─────────▶ Waiting ───────▶ Fencing ───────▶ Booting ───────────▶ Awaiting-
    ///      ▲               ▲ ▲   │           │   ▲ proven ╱    │                confirmation
    ///      │               │ │   │   unproven▼   │       ╱     │ timer ended,       │ services
    ///      │ proven        │ │   │        Operator-needed      │ step failed        ▼ ready
    ///   Shutting- ◀─ stop ─┼─┼───┼─────────────────────────────┼──────────────── Running
    ///     down             │ └───┼── step failed ──────────────┘                    │
    ///                      │     └── home kept ──────────────────────────────────▶  │
    ///                      └──────── home lost ◀────────────────────────────────────┘
    /// ```
    #[must_use]
    pub fn next(self, event: PersonaEvent) -> Option<Self> {
        use PersonaEvent as On;
        use PersonaState::{
            AwaitingConfirmation, Booting, Fencing, OperatorNeeded, Running, ShuttingDown, Stopped,
            Waiting,
        };
        Some(match (self, event) {
            (Stopped, On::StartRequested) => Waiting,
            (Waiting, On::Placed) => Fencing,
            (Fencing, On::FenceUnproven) => OperatorNeeded,
            (Fencing | OperatorNeeded, On::FenceProven) => Booting,
            (Booting, On::AgentUp) => AwaitingConfirmation,
            (AwaitingConfirmation, On::ServicesReady) => Running,

            (Fencing | OperatorNeeded | Booting, On::StepFailed) => Waiting,
            (Booting, On::BootTimerEnded) => Waiting,
            (Booting | AwaitingConfirmation | Running, On::HomeLost) => Waiting,

            (Stopped | ShuttingDown, On::StopRequested) => return None,
            (_, On::StopRequested) => ShuttingDown,
            (ShuttingDown, On::FenceProven) => Stopped,

            (Waiting | ShuttingDown, On::HomeKept) => Running,
            _ => return None,
        })
    }
}
