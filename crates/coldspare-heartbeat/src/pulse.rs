//! The sender's half: a pure state machine that says when to send what.

use std::time::Duration;

use coldspare_names::{Generation, Time};

use crate::wire::{self, Claim, ECHO_EVERY, Kind};
use crate::{AgentKey, Beat, Flags, Health, Path, Slot};

/// Who sends: what an agent learns at its boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The slot in which its server is enrolled.
    pub slot: Slot,
    /// The generation under which its server holds the persona.
    pub generation: Generation,
    /// Its key under that generation.
    pub key: AgentKey,
    /// Higher with every start of the agent: the time of the start will do.
    pub boot: u64,
}

/// An agent's heart: it beats once a period over every path, with some jitter so that a thousand
/// agents that started together do not go on together.
///
/// It notices which paths carry no echo back, and says so in every beat. An agent may act on that;
/// it is never taken for a proof of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    agent: Agent,
    period: Duration,
    sequence: u32,
    next: Time,
    random: u64,
    flags: Flags,
    san: bool,
    wrote: Option<Time>,
    echoed: [Echoed; 2],
    /// From when on a probe is answered, path by path.
    answers_from: [Time; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Echoed {
    sequence: u32,
    at: Time,
}

/// What a received datagram asks an agent to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: it is an echo, or no message for this agent.
    None,
    /// To send this back at once, over the same path.
    Beat([u8; wire::LENGTH]),
}

/// Probes that are answered within a period, over each path.
const ANSWERS: u32 = 32;
/// Echoes that may be missed before a path counts as unheard.
const MISSED_ECHOES: u32 = 2;

impl Pulse {
    /// A heart that begins to beat now. The seed makes its jitter different from that of others.
    pub fn new(agent: Agent, period: Duration, seed: u64, now: Time) -> Self {
        Self {
            agent,
            period,
            sequence: 0,
            next: now,
            random: seed,
            flags: Flags::default(),
            san: true,
            wrote: None,
            echoed: [Echoed {
                sequence: 0,
                at: now,
            }; 2],
            answers_from: [now; 2],
        }
    }

    /// When the next beat is due.
    pub fn due(&self) -> Time {
        self.next
    }

    /// Announces something in all beats to come.
    pub fn announce(&mut self, flags: Flags) {
        self.flags = flags;
    }

    /// Takes note of a write to disk that has been acknowledged.
    pub fn wrote(&mut self, at: Time) {
        self.wrote = Some(at);
    }

    /// Takes note of the state of the SAN session.
    pub fn san(&mut self, stands: bool) {
        self.san = stands;
    }

    /// Uses another key from now on.
    pub fn change_key(&mut self, key: AgentKey) {
        self.agent.key = key;
    }

    /// Sends from another slot from now on: a monitor that was started anew may have given it one.
    pub fn change_slot(&mut self, slot: Slot) {
        self.agent.slot = slot;
    }

    /// Whether a path carries echoes back.
    pub fn is_echoed(&self, path: Path, now: Time) -> bool {
        let patience = self.period * ECHO_EVERY * MISSED_ECHOES;
        now.since(self.echoed[path.index()].at) < patience
    }

    /// The next beat, one datagram for each path, and from when on the one after it is due.
    pub fn beat(&mut self, now: Time) -> [[u8; wire::LENGTH]; 2] {
        let stalled = now.since(self.next) > self.period;
        self.sequence = self.sequence.saturating_add(1);
        self.next = self.next_after(now);
        let beat = self.content(stalled, now);
        Path::BOTH.map(|path| wire::seal(Kind::Beat, self.agent.slot, path, &beat, &self.agent.key))
    }

    /// A period after the last one was due (or from now, if that has passed), up to a twentieth
    /// sooner or later.
    fn next_after(&mut self, now: Time) -> Time {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let jitter = u32::try_from((mixed >> 32) % 101).unwrap_or_default();
        let step = self.period * (950 + jitter) / 1_000;
        let regular = self.next + step;
        if regular > now { regular } else { now + step }
    }

    fn content(&self, stalled: bool, now: Time) -> Beat {
        Beat {
            boot: self.agent.boot,
            sequence: self.sequence,
            generation: self.agent.generation,
            flags: Flags {
                stalled: stalled || self.flags.stalled,
                ..self.flags
            },
            health: Health {
                echo: Path::BOTH.map(|path| self.is_echoed(path, now)),
                san: self.san,
            },
            wrote: self.wrote.map(|at| now.since(at)),
            sent: now,
            period: self.period,
        }
    }

    /// Takes a datagram that arrived over a path. What the monitor did not write changes nothing.
    ///
    /// A probe that is played back is answered as well: with a new beat, which is true, and is as
    /// welcome to the monitor as any. But there are bounds, or a flood of them would use up the
    /// sequence: 32 answers in a period over each path, several times what a monitor asks for.
    pub fn received(&mut self, path: Path, datagram: &[u8], now: Time) -> Reply {
        let Ok(claim) = Claim::read(datagram) else {
            return Reply::None;
        };
        if (claim.slot(), claim.path()) != (self.agent.slot, path) || claim.kind() == Kind::Beat {
            return Reply::None;
        }
        let Some(beat) = claim.prove(&self.agent.key) else {
            return Reply::None;
        };
        match claim.kind() {
            Kind::Probe => {
                let answers_from = &mut self.answers_from[path.index()];
                if now < *answers_from {
                    return Reply::None;
                }
                *answers_from = now + self.period / ANSWERS;
                self.sequence = self.sequence.saturating_add(1);
                let beat = self.content(false, now);
                Reply::Beat(wire::seal(
                    Kind::Beat,
                    self.agent.slot,
                    path,
                    &beat,
                    &self.agent.key,
                ))
            }
            Kind::Echo | Kind::Beat => {
                let echoed = &mut self.echoed[path.index()];
                let new = beat.sequence > echoed.sequence && beat.sequence <= self.sequence;
                if new && beat.boot == self.agent.boot {
                    *echoed = Echoed {
                        sequence: beat.sequence,
                        at: now,
                    };
                }
                Reply::None
            }
        }
    }
}

#[cfg(test)]
mod tests;
