//! From datagrams to heartbeats that are a server's own.
//!
//! Only holders are expected. Who was a holder before can still be told from others by its key,
//! after a restart too until it is scrubbed: a server that is said to be off and speaks is no more
//! off than one that writes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coldspare_heartbeat::intake::{Accepted, Counters, Rejection};
use coldspare_heartbeat::wire::LENGTH;
use coldspare_heartbeat::{AgentKey, Keyring, Newest, Path, Refusal, Slot};
use coldspare_names::{Generation, PersonaName, ServerName, Time};
use tokio::sync::watch;

/// What the agent of a holder must know to be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The persona that the server holds.
    pub persona: PersonaName,
    /// Under which generation.
    pub generation: Generation,
    /// The slot in which it is heard. Another controller, or the same one after its restart, may
    /// have given it another.
    pub slot: Slot,
    /// Its key: see [`AgentKey::from_secret`]. The secret is the one with which the server boots.
    pub key: AgentKey,
    /// How often it is to be heard.
    pub period: Duration,
}

/// Who is expected, by server.
pub type Roster = BTreeMap<ServerName, Expected>;

/// Who is expected, and who was: shared by a controller and its ways in.
#[derive(Debug)]
pub(crate) struct Hearing {
    door: Mutex<Door>,
    roster: watch::Sender<Roster>,
}

#[derive(Debug, Default)]
struct Door {
    keyring: Keyring,
    seats: BTreeMap<Slot, Seat>,
    counters: Counters,
}

/// Who speaks from a slot.
#[derive(Debug)]
struct Seat {
    server: ServerName,
    persona: PersonaName,
    generation: Generation,
    newest: Newest,
}

impl Hearing {
    pub(crate) fn new() -> Self {
        Self {
            door: Mutex::default(),
            roster: watch::Sender::default(),
        }
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn roster(&self) -> watch::Receiver<Roster> {
        self.roster.subscribe()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.door().counters
    }

    /// Tells a server's heartbeats from a stranger's, whether they are expected or not.
    pub(crate) fn recognise(&self, server: &ServerName, known: &Expected) {
        self.door().admit(server, known);
    }

    /// Expects a server, or does no longer.
    pub(crate) fn expect(&self, server: ServerName, expected: Option<Expected>) {
        if let Some(expected) = &expected {
            self.recognise(&server, expected);
        }
        self.roster.send_modify(|roster| {
            match expected {
                Some(expected) => roster.insert(server, expected),
                None => roster.remove(&server),
            };
        });
    }

    /// Whose heartbeat a datagram is, if it is a new one, and under the generation of its key.
    pub(crate) fn take(
        &self,
        path: Path,
        datagram: &[u8],
    ) -> Result<(ServerName, Accepted), Rejection> {
        let mut door = self.door();
        let Door {
            keyring,
            seats,
            counters,
        } = &mut *door;
        let taken = keyring.take(path, datagram, |accepted| {
            Ok((recognise(seats, path, &accepted)?, accepted))
        });
        let counted = taken.as_ref().map(|(_, accepted)| *accepted);
        counters.count(&counted.map_err(|rejection| *rejection));
        taken
    }

    /// The receipt for a heartbeat, if it gets one.
    pub(crate) fn echo(&self, path: Path, accepted: &Accepted) -> Option<[u8; LENGTH]> {
        self.door().keyring.echo(path, accepted)
    }

    /// What asks a server that is expected for a heartbeat at once.
    pub(crate) fn probe(&self, server: &ServerName, path: Path, now: Time) -> Option<[u8; LENGTH]> {
        let roster = self.roster.borrow();
        let Expected {
            slot, generation, ..
        } = roster.get(server)?;
        let door = self.door();
        door.keyring.probe(*slot, *generation, path, now)
    }
}

impl Door {
    fn admit(&mut self, server: &ServerName, expected: &Expected) {
        let Expected {
            persona,
            generation,
            slot,
            ..
        } = expected;
        let seat = self.seats.get(slot);
        // What it said before is not taken for new, however often it is enrolled.
        let known = seat.filter(|seat| seat.persona == *persona && seat.generation == *generation);
        let seat = Seat {
            server: server.clone(),
            persona: persona.clone(),
            generation: *generation,
            newest: known.map_or(Newest::NONE, |seat| seat.newest),
        };
        self.seats.insert(*slot, seat);
        self.keyring.enrol(*slot, expected.key.clone());
    }
}

/// Whose heartbeat that is, if it is a new one.
fn recognise(
    seats: &mut BTreeMap<Slot, Seat>,
    path: Path,
    accepted: &Accepted,
) -> Result<ServerName, Refusal> {
    let seat = seats.get_mut(&accepted.slot);
    let seat = seat.ok_or(Refusal::UnknownSlot)?;
    if accepted.beat.generation != seat.generation {
        return Err(Refusal::UnknownGeneration);
    }
    seat.newest.admit(path, &accepted.beat)?;
    Ok(seat.server.clone())
}

#[cfg(test)]
mod tests;
