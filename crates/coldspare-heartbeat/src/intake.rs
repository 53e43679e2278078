//! From a datagram to a recorded heartbeat: read, proved, and only then taken.

use std::collections::BTreeMap;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::wire::{Claim, Kind, Malformed};
use crate::{AgentKey, Beat, Detector, Enrolment, Finding, Heard, Path, Refusal, Slot};

/// A detector behind a door: only those who prove their key are heard.
///
/// Nothing that is refused changes any state but a counter, and nothing allocates.
#[derive(Debug)]
pub struct Intake {
    detector: Detector,
    keys: Vec<AgentKey>,
    /// A second valid key, while a slot's key is changed.
    changing: BTreeMap<Slot, AgentKey>,
    counters: Counters,
}

/// A heartbeat that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Whose.
    pub slot: Slot,
    /// What it says.
    pub beat: Beat,
}

/// Why a datagram does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// It is no heartbeat.
    Malformed(Malformed),
    /// It is a monitor's message.
    NotABeat,
    /// It arrived over another path than the one it was sent over.
    WrongPath,
    /// It was not written under a valid key of its slot.
    Forged,
    /// It was, but it does not count.
    Refused(Refusal),
}

/// How many datagrams came, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Heartbeats that counted.
    pub accepted: u64,
    /// Datagrams that are no heartbeat.
    pub malformed: u64,
    /// Heartbeats that came over the wrong path.
    pub wrong_path: u64,
    /// Heartbeats of slots in which nobody is enrolled.
    pub unknown_slot: u64,
    /// Heartbeats not written under a valid key.
    pub forged: u64,
    /// Heartbeats of another generation.
    pub other_generation: u64,
    /// Heartbeats from before a restart.
    pub old_boot: u64,
    /// Heartbeats that were heard before, or are older than one that was.
    pub repeated: u64,
}

impl Intake {
    /// Opens a door to a detector.
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            keys: Vec::new(),
            changing: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// Makes room for so many slots at once, to the byte: see [`Detector::reserve`].
    pub fn reserve(&mut self, slots: usize) {
        self.keys
            .reserve_exact(slots.saturating_sub(self.keys.len()));
        self.detector.reserve(slots);
    }

    /// The detector behind it: for testimony, maintenance, links and verdicts.
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The same, to be told something.
    pub fn detector_mut(&mut self) -> &mut Detector {
        &mut self.detector
    }

    /// How many datagrams came, and what became of them.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Watches a server, which proves itself by a key.
    pub fn enrol(&mut self, slot: Slot, enrolment: &Enrolment, key: AgentKey, now: Time) {
        if self.keys.len() <= slot.index() {
            // Nobody is enrolled in the slots between: their key is never asked for.
            self.keys.resize(slot.index() + 1, AgentKey::new([0; 32]));
        }
        self.keys[slot.index()] = key;
        self.changing.remove(&slot);
        self.detector.enrol(slot, enrolment, now);
    }

    /// Takes a second key of a server as valid too, until [`Intake::settle_key`].
    pub fn change_key(&mut self, slot: Slot, key: AgentKey) {
        self.changing.insert(slot, key);
    }

    /// Takes the second key as the only one; the old one is refused from now on.
    pub fn settle_key(&mut self, slot: Slot) {
        if let Some(key) = self.changing.remove(&slot)
            && let Some(current) = self.keys.get_mut(slot.index())
        {
            *current = key;
        }
    }

    /// Watches a server no longer, and forgets its key.
    pub fn withdraw(&mut self, slot: Slot) {
        self.detector.withdraw(slot);
        self.changing.remove(&slot);
        if let Some(key) = self.keys.get_mut(slot.index()) {
            *key = AgentKey::new([0; 32]);
        }
    }

    /// The key under which a message to a server is written.
    pub fn key(&self, slot: Slot) -> Option<&AgentKey> {
        self.detector.generation(slot)?;
        self.keys.get(slot.index())
    }

    /// Fetches what the next datagrams will need, and changes nothing: the memory of a hundred
    /// thousand servers lies far away, and fetched together it is waited for once.
    #[inline]
    pub fn look_ahead<'a>(&self, datagrams: impl Iterator<Item = &'a [u8]>) {
        for datagram in datagrams {
            if let Ok(claim) = Claim::read(datagram)
                && let Some(key) = self.keys.get(claim.slot().index())
            {
                std::hint::black_box(key.expose()[0]);
                self.detector.look_at_memory(claim.slot());
            }
        }
    }

    /// Takes a datagram that arrived over a path.
    #[inline]
    pub fn take(&mut self, path: Path, datagram: &[u8], now: Time) -> Result<Accepted, Rejection> {
        let taken = self.prove(path, datagram).and_then(|accepted| {
            match self
                .detector
                .heard(accepted.slot, path, &accepted.beat, now)
            {
                Heard::Accepted => Ok(accepted),
                Heard::Refused(refusal) => Err(Rejection::Refused(refusal)),
            }
        });
        match taken {
            Ok(_) => self.counters.accepted += 1,
            Err(rejection) => self.counters.count(rejection),
        }
        taken
    }

    #[inline]
    fn prove(&self, path: Path, datagram: &[u8]) -> Result<Accepted, Rejection> {
        let claim = Claim::read(datagram).map_err(Rejection::Malformed)?;
        if claim.kind() != Kind::Beat {
            return Err(Rejection::NotABeat);
        }
        if claim.path() != path {
            return Err(Rejection::WrongPath);
        }
        let slot = claim.slot();
        if self.detector.generation(slot).is_none() {
            return Err(Rejection::Refused(Refusal::UnknownSlot));
        }
        let beat = match claim.prove(&self.keys[slot.index()]) {
            Some(beat) => beat,
            None => self.prove_anew(&claim).ok_or(Rejection::Forged)?,
        };
        Ok(Accepted { slot, beat })
    }

    #[cold]
    fn prove_anew(&self, claim: &Claim<'_>) -> Option<Beat> {
        claim.prove(self.changing.get(&claim.slot())?)
    }

    /// Judges: see [`Detector::poll`].
    pub fn poll(&mut self, now: Time) -> Vec<Finding> {
        self.detector.poll(now)
    }
}

impl Counters {
    #[cold]
    fn count(&mut self, rejection: Rejection) {
        let counter = match rejection {
            Rejection::Malformed(_) | Rejection::NotABeat => &mut self.malformed,
            Rejection::WrongPath | Rejection::Refused(Refusal::WrongPath) => &mut self.wrong_path,
            Rejection::Forged => &mut self.forged,
            Rejection::Refused(Refusal::UnknownSlot) => &mut self.unknown_slot,
            Rejection::Refused(Refusal::OldGeneration | Refusal::UnknownGeneration) => {
                &mut self.other_generation
            }
            Rejection::Refused(Refusal::OldBoot) => &mut self.old_boot,
            Rejection::Refused(Refusal::Repeated) => &mut self.repeated,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests;
