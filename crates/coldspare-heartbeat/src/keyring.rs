//! Who may speak: the keys of all slots, and the proof that a datagram was written under one.

use std::time::Duration;

use coldspare_names::{Generation, Time};

use crate::intake::{Accepted, Rejection};
use crate::tags::LANES;
use crate::wire::{self, Claim, ECHO_EVERY, Kind, LENGTH};
use crate::{AgentKey, Beat, Flags, Health, Path, Refusal, Slot};

/// The keys of all agents by slot: while one is changed, two of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keyring {
    /// [`AgentKey::NOBODY`] where nobody is enrolled.
    keys: Vec<AgentKey>,
    /// The key that follows, where one does. Empty until a key is changed for the first time.
    next: Vec<AgentKey>,
}

/// By which key of its slot a claim was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By none.
    None,
    /// By the one that it has.
    Current,
    /// By the one that follows.
    Next,
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
        *place(&mut self.keys, slot) = key;
        self.stay(slot);
    }

    /// Takes a second key of a slot as valid too; nothing, if it has no first one. The first
    /// heartbeat under it that counts shows that the agent has it: from then on it is the only one,
    /// also for what is written to the agent.
    ///
    /// Until then it can be taken back: by a change to the key that the slot has.
    pub fn change(&mut self, slot: Slot, key: AgentKey) {
        match self.key(slot) {
            Some(current) if *current != key => *place(&mut self.next, slot) = key,
            _ => self.stay(slot),
        }
    }

    /// Forgets the keys of a slot.
    pub fn withdraw(&mut self, slot: Slot) {
        self.stay(slot);
        if let Some(key) = self.keys.get_mut(slot.index()) {
            *key = AgentKey::NOBODY;
        }
    }

    /// No key follows the one that a slot has.
    fn stay(&mut self, slot: Slot) {
        if let Some(next) = self.next.get_mut(slot.index()) {
            *next = AgentKey::NOBODY;
        }
    }

    /// The key under which a message to an agent is written.
    #[inline]
    pub fn key(&self, slot: Slot) -> Option<&AgentKey> {
        find(&self.keys, slot)
    }

    /// Reads the key that a datagram will be proved by, and changes nothing.
    #[inline]
    pub(crate) fn look_ahead(&self, slot: Slot) -> u8 {
        let key = self.keys.get(slot.index());
        key.map_or(0, |key| key.expose()[0])
    }

    /// Takes a heartbeat that arrived over a path, if it was written by an agent for that path, and
    /// if it is then admitted: whether it is a repeated one, or one of another generation, is not
    /// seen here (see [`crate::Detector::heard`] and [`crate::Newest::admit`]).
    ///
    /// What is not admitted changes nothing: it does not end the change of a key either.
    #[inline]
    pub fn take<T>(
        &mut self,
        path: Path,
        datagram: &[u8],
        admit: impl FnOnce(Accepted) -> Result<T, Refusal>,
    ) -> Result<T, Rejection> {
        let claim = Self::claim(path, datagram)?;
        let proof = self.prove(&claim);
        self.open(&claim, proof, || {
            admit(Accepted {
                slot: claim.slot(),
                beat: claim.content(),
            })
        })
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

    /// By which key of its slot it was written.
    #[inline]
    pub(crate) fn prove(&self, claim: &Claim<'_>) -> Proof {
        let by = |keys| find(keys, claim.slot()).is_some_and(|key| claim.is_genuine(key));
        if by(&self.keys) {
            Proof::Current
        } else if by(&self.next) {
            Proof::Next
        } else {
            Proof::None
        }
    }

    /// The same of several, proved side by side.
    #[inline]
    pub(crate) fn prove_all(&self, claims: &[Result<Claim<'_>, Rejection>], proofs: &mut [Proof]) {
        let lanes = claims.as_chunks::<LANES>().0.iter();
        for (claims, proofs) in lanes.zip(proofs.as_chunks_mut::<LANES>().0) {
            let genuine = wire::are_genuine(claims.each_ref().map(|claim| {
                let claim = claim.as_ref().ok()?;
                Some((claim, find(&self.keys, claim.slot())?))
            }));
            *proofs = genuine.map(|genuine| if genuine { Proof::Current } else { Proof::None });
        }
        if !self.next.is_empty() && proofs.contains(&Proof::None) {
            self.prove_next(claims, proofs);
        }
    }

    /// Those of them that are not proved yet, by the keys that follow: there may be few, and so they
    /// are gathered.
    #[cold]
    fn prove_next(&self, claims: &[Result<Claim<'_>, Rejection>], proofs: &mut [Proof]) {
        let unproved = claims.iter().zip(proofs).filter_map(|(claim, proof)| {
            let claim = claim.as_ref().ok()?;
            let key = find(&self.next, claim.slot())?;
            (*proof == Proof::None).then_some((claim, key, proof))
        });
        let mut unproved = unproved.fuse();
        loop {
            let mut lanes: [_; LANES] = std::array::from_fn(|_| unproved.next());
            if lanes[0].is_none() {
                return;
            }
            let each = lanes
                .each_ref()
                .map(|lane| lane.as_ref().map(|lane| (lane.0, lane.1)));
            for (lane, genuine) in lanes.iter_mut().flatten().zip(wire::are_genuine(each)) {
                if genuine {
                    *lane.2 = Proof::Next;
                }
            }
        }
    }

    /// Takes a claim, proved or not, if it is then admitted.
    #[expect(
        clippy::inline_always,
        reason = "what nobody asks of a beat is then not even read: a seventh of the time"
    )]
    #[inline(always)]
    pub(crate) fn open<T>(
        &mut self,
        claim: &Claim<'_>,
        proof: Proof,
        admit: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Rejection> {
        let slot = claim.slot();
        if proof == Proof::None {
            return Err(match self.key(slot) {
                Some(_) => Rejection::Forged,
                None => Rejection::Refused(Refusal::UnknownSlot),
            });
        }
        let admitted = admit().map_err(Rejection::Refused)?;
        if proof == Proof::Next {
            self.follow(slot);
        }
        Ok(admitted)
    }

    /// The key that follows is the only one from now on.
    #[cold]
    fn follow(&mut self, slot: Slot) {
        let index = slot.index();
        if let (Some(key), Some(next)) = (self.keys.get_mut(index), self.next.get_mut(index)) {
            *key = std::mem::replace(next, AgentKey::NOBODY);
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

/// The key of a slot, if it has one.
#[inline]
fn find(keys: &[AgentKey], slot: Slot) -> Option<&AgentKey> {
    keys.get(slot.index()).filter(|key| !key.is_nobodys())
}

/// The place of a slot's key, made if there is none.
fn place(keys: &mut Vec<AgentKey>, slot: Slot) -> &mut AgentKey {
    if keys.len() <= slot.index() {
        keys.resize(slot.index() + 1, AgentKey::NOBODY);
    }
    &mut keys[slot.index()]
}
