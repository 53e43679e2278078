//! From a datagram to a recorded heartbeat: read, proved, and only then taken.

use std::collections::BTreeMap;
use std::hint::black_box;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::keyring::Proof;
use crate::tags::LANES;
use crate::wire::{Claim, Malformed};
use crate::{
    AgentKey, Beat, Detector, Enrolment, Finding, Heard, Keyring, Newest, Path, Refusal, Slot,
};

/// A detector behind a door: only those who prove their key are heard.
///
/// Nothing that is refused changes any state but a counter, and nothing allocates.
#[derive(Debug)]
pub struct Intake {
    detector: Detector,
    keyring: Keyring,
    /// What was heard of those who were withdrawn, and the hash of the key that proved it: they may
    /// be enrolled again.
    former: BTreeMap<Slot, (blake3::Hash, Newest)>,
    counters: Counters,
}

/// Datagrams that are taken together.
const TOGETHER: usize = 16 * LANES;

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
    /// Datagrams that are no heartbeat, and heartbeats without a number.
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
            keyring: Keyring::new(),
            former: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// Makes room for so many slots at once, to the byte: see [`Detector::reserve`].
    pub fn reserve(&mut self, slots: usize) {
        self.keyring.reserve(slots);
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

    /// The keys by which it opens: for echoes and probes.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// How many datagrams came, and what became of them.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Watches a server, which proves itself by a key.
    ///
    /// If that is the key that its slot has, or had when it was withdrawn, what was heard under it is
    /// remembered against replays. Whoever wants an earlier key back [changes](Intake::change_key) to
    /// it: enrolled under it, its past would count again.
    pub fn enrol(&mut self, slot: Slot, enrolment: &Enrolment, key: AgentKey, now: Time) {
        let newest = match (self.keyring.key(slot), self.former.remove(&slot)) {
            (Some(current), _) if *current == key => self.detector.newest(slot),
            (None, Some((hash, newest))) if hash == key.hash() => newest,
            _ => Newest::NONE,
        };
        self.keyring.enrol(slot, key);
        self.detector.enrol(slot, enrolment, now);
        self.detector.remember(slot, newest);
    }

    /// Takes a second key of a server as valid too: see [`Keyring::change`].
    pub fn change_key(&mut self, slot: Slot, key: AgentKey) {
        self.keyring.change(slot, key);
    }

    /// Watches a server no longer, and forgets its key; but a hash of that, and the newest that was
    /// heard under it, until the slot is enrolled again.
    pub fn withdraw(&mut self, slot: Slot) {
        if let Some(key) = self.keyring.key(slot) {
            let heard = (key.hash(), self.detector.newest(slot));
            self.former.insert(slot, heard);
        }
        self.detector.withdraw(slot);
        self.keyring.withdraw(slot);
    }

    /// Takes a datagram that arrived over a path.
    #[inline]
    pub fn take(&mut self, path: Path, datagram: &[u8], now: Time) -> Result<Accepted, Rejection> {
        let claim = Keyring::claim(path, datagram);
        let proof = self.prove(&claim);
        self.hear(path, &claim, proof, now)
    }

    /// Takes datagrams that arrived together, as [`Intake::take`] would one by one, and tells of
    /// each in turn what became of it; the keyring is for echoes.
    ///
    /// It is faster: the memory of a hundred thousand servers lies far away, and fetched together it
    /// is waited for once; and a processor proves several side by side.
    pub fn take_all<'a>(
        &mut self,
        path: Path,
        datagrams: impl IntoIterator<Item = &'a [u8]>,
        now: Time,
        mut told: impl FnMut(&Keyring, Result<Accepted, Rejection>),
    ) {
        let mut datagrams = datagrams.into_iter().fuse();
        loop {
            let mut claims = [Err(Rejection::NotABeat); TOGETHER];
            let mut proofs = [Proof::None; TOGETHER];
            let mut count = 0;
            for (claim, datagram) in claims.iter_mut().zip(&mut datagrams) {
                *claim = Keyring::claim(path, datagram);
                count += 1;
            }
            let mut seen = 0;
            for claim in claims[..count].iter().flatten() {
                seen ^= self.keyring.look_ahead(claim.slot());
                seen ^= self.detector.look_ahead(claim.slot());
            }
            black_box(seen);
            // Whole lanes: those that are left over are no claims.
            let lanes = count.next_multiple_of(LANES);
            let (claims, proofs) = (&claims[..lanes], &mut proofs[..lanes]);
            self.keyring.prove_all(claims, proofs);
            for index in 0..count {
                let (claim, proof) = (&claims[index], proofs[index]);
                let taken = self.hear(path, claim, proof, now);
                if proof == Proof::Next && taken.is_ok() {
                    self.prove_again(claim, claims, proofs);
                }
                told(&self.keyring, taken);
            }
            if count < TOGETHER {
                return;
            }
        }
    }

    #[inline]
    fn prove(&self, claim: &Result<Claim<'_>, Rejection>) -> Proof {
        let claim = claim.as_ref();
        claim.map_or(Proof::None, |claim| self.keyring.prove(claim))
    }

    /// The slot of a claim has another key from now on: what else came from it is proved by that.
    #[cold]
    fn prove_again(
        &self,
        changed: &Result<Claim<'_>, Rejection>,
        claims: &[Result<Claim<'_>, Rejection>],
        proofs: &mut [Proof],
    ) {
        let slot = |claim: &Result<Claim<'_>, Rejection>| claim.as_ref().ok().map(Claim::slot);
        for (claim, proof) in claims.iter().zip(proofs) {
            if slot(claim) == slot(changed) {
                *proof = self.prove(claim);
            }
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "what nobody asks of a beat is then not even read: a seventh of the time"
    )]
    #[inline(always)]
    fn hear(
        &mut self,
        path: Path,
        claim: &Result<Claim<'_>, Rejection>,
        proof: Proof,
        now: Time,
    ) -> Result<Accepted, Rejection> {
        let Self {
            detector, keyring, ..
        } = self;
        let taken = claim.as_ref().map_err(|rejection| *rejection);
        let taken = taken.and_then(|claim| {
            let slot = claim.slot();
            let beat = claim.content();
            keyring.open(claim, proof, || {
                match detector.heard(slot, path, &beat, now) {
                    Heard::Accepted => Ok(()),
                    Heard::Refused(refusal) => Err(refusal),
                }
            })?;
            Ok(Accepted { slot, beat })
        });
        self.counters.count(&taken);
        taken
    }

    /// Judges: see [`Detector::poll`].
    pub fn poll(&mut self, now: Time) -> Vec<Finding> {
        self.detector.poll(now)
    }
}

impl Counters {
    /// Counts what became of a datagram.
    #[inline]
    pub fn count(&mut self, taken: &Result<Accepted, Rejection>) {
        match taken {
            Ok(_) => self.accepted += 1,
            Err(rejection) => self.count_rejected(*rejection),
        }
    }

    #[cold]
    fn count_rejected(&mut self, rejection: Rejection) {
        let counter = match rejection {
            Rejection::Malformed(_)
            | Rejection::NotABeat
            | Rejection::Refused(Refusal::Unnumbered) => &mut self.malformed,
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
