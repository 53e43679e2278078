//! Who may speak: the keys of all slots, and the proof that a datagram was written under one.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_names::{Generation, Time};

use crate::intake::{Accepted, Rejection};
use crate::tags::LANES;
use crate::wire::{self, Claim, ECHO_EVERY, Kind, LENGTH};
use crate::{AgentKey, Beat, Flags, Health, Path, Refusal, Slot};

/// The keys of all agents by slot: for the moment in which one is changed, two of it.
#[derive(Debug, Default)]
pub struct Keyring {
    /// [`AgentKey::NOBODY`] where nobody is enrolled.
    keys: Vec<AgentKey>,
    /// A second valid key, while a slot's key is changed.
    changing: BTreeMap<Slot, AgentKey>,
}

impl Keyring {
    /// A keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many slots at once, to the byte.
    pub fn reserve(&mut self, slots: usize) {
        let more = slots.saturating_sub(self.keys.len());
        self.keys.reserve_exact(more);
    }

    /// Takes a key as the only valid one of a slot.
    pub fn enrol(&mut self, slot: Slot, key: AgentKey) {
        if self.keys.len() <= slot.index() {
            self.keys.resize(slot.index() + 1, AgentKey::NOBODY);
        }
        self.keys[slot.index()] = key;
        self.changing.remove(&slot);
    }

    /// Takes a second key of a slot as valid too. Its first use shows that the agent has it: from
    /// then on it is the only one, also for what is written to the agent.
    pub fn change(&mut self, slot: Slot, key: AgentKey) {
        self.changing.insert(slot, key);
    }

    /// Forgets the keys of a slot.
    pub fn withdraw(&mut self, slot: Slot) {
        self.changing.remove(&slot);
        if let Some(key) = self.keys.get_mut(slot.index()) {
            *key = AgentKey::NOBODY;
        }
    }

    /// The key under which a message to an agent is written.
    #[inline]
    pub fn key(&self, slot: Slot) -> Option<&AgentKey> {
        let key = self.keys.get(slot.index());
        key.filter(|key| !key.is_nobodys())
    }

    /// Reads the key that a datagram will be proved by, and changes nothing.
    #[inline]
    pub(crate) fn look_ahead(&self, slot: Slot) -> u8 {
        let key = self.keys.get(slot.index());
        key.map_or(0, |key| key.expose()[0])
    }

    /// Takes a heartbeat that arrived over a path, if it was written by an agent for that path.
    /// Whether it is a repeated one is not seen here: see [`crate::Detector::heard`].
    #[inline]
    pub fn prove(&mut self, path: Path, datagram: &[u8]) -> Result<Accepted, Rejection> {
        let claim = Self::claim(path, datagram)?;
        let genuine = self.is_genuine(&claim);
        self.open(&claim, genuine)
    }

    /// What a datagram claims that arrived over a path, if it may be a heartbeat.
    #[inline]
    pub(crate) fn claim(path: Path, datagram: &[u8]) -> Result<Claim<'_>, Rejection> {
        let claim = Claim::read(datagram).map_err(Rejection::Malformed)?;
        if claim.kind() != Kind::Beat {
            return Err(Rejection::NotABeat);
        }
        if claim.path() != path {
            return Err(Rejection::WrongPath);
        }
        Ok(claim)
    }

    /// Whether it was written under its slot's key.
    #[inline]
    pub(crate) fn is_genuine(&self, claim: &Claim<'_>) -> bool {
        let key = self.key(claim.slot());
        key.is_some_and(|key| claim.is_genuine(key))
    }

    /// The same of several, proved side by side; nothing is said of what is no claim, and of a slot
    /// whose key is being changed: what its next datagram proves may change it.
    #[inline]
    pub(crate) fn are_genuine(
        &self,
        claims: &[Result<Claim<'_>, Rejection>; LANES],
    ) -> [Option<bool>; LANES] {
        let claims = claims.each_ref().map(|claim| claim.as_ref().ok());
        let genuine = wire::are_genuine(claims.map(|claim| {
            let claim = claim?;
            Some((claim, self.key(claim.slot())?))
        }));
        std::array::from_fn(|lane| {
            let slot = claims[lane]?.slot();
            (!self.is_changing(slot)).then_some(genuine[lane])
        })
    }

    /// The content of a claim of which it is known whether it is genuine.
    #[inline]
    pub(crate) fn open(&mut self, claim: &Claim<'_>, genuine: bool) -> Result<Accepted, Rejection> {
        if !genuine {
            self.open_anew(claim)?;
        }
        Ok(Accepted {
            slot: claim.slot(),
            beat: claim.content(),
        })
    }

    #[inline]
    fn is_changing(&self, slot: Slot) -> bool {
        !self.changing.is_empty() && self.changing.contains_key(&slot)
    }

    /// Takes it as the first use of a second key, if it is.
    #[cold]
    fn open_anew(&mut self, claim: &Claim<'_>) -> Result<(), Rejection> {
        let slot = claim.slot();
        if self.key(slot).is_none() {
            return Err(Rejection::Refused(Refusal::UnknownSlot));
        }
        match self.changing.remove(&slot) {
            Some(key) if !key.is_nobodys() && claim.is_genuine(&key) => {
                self.enrol(slot, key);
                Ok(())
            }
            Some(key) => {
                self.changing.insert(slot, key);
                Err(Rejection::Forged)
            }
            None => Err(Rejection::Forged),
        }
    }

    /// The receipt for a heartbeat that came over a path, if it gets one: see
    /// [`ECHO_EVERY`](wire::ECHO_EVERY).
    #[inline]
    pub fn echo(&self, path: Path, accepted: &Accepted) -> Option<[u8; LENGTH]> {
        let Accepted { slot, beat } = accepted;
        let due = beat.sequence.is_multiple_of(ECHO_EVERY) || !beat.health.echo[path.index()];
        if !due {
            return None;
        }
        let key = self.key(*slot)?;
        Some(wire::seal(Kind::Echo, *slot, path, beat, key))
    }

    /// What asks an agent for a beat at once, over a path.
    pub fn probe(
        &self,
        slot: Slot,
        generation: Generation,
        path: Path,
        now: Time,
    ) -> Option<[u8; LENGTH]> {
        let blank = Beat {
            boot: 0,
            sequence: 0,
            generation,
            flags: Flags::default(),
            health: Health::default(),
            wrote: None,
            sent: now,
            period: Duration::ZERO,
        };
        let key = self.key(slot)?;
        Some(wire::seal(Kind::Probe, slot, path, &blank, key))
    }
}
