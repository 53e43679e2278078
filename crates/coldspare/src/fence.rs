//! The other half of the one rule: proofs, and the seat that only a proof can give.
//!
//! The layers seal what they saw ([`coldspare_bmc::ProvenOff`], [`coldspare_san::ShutOutEvidence`],
//! [`coldspare_network::Parked`]); only here is it combined into a [`FenceProof`]. A proof covers
//! *cannot write* and *cannot speak*:
//!
//! * **off**: the server is off, and shut out on every array, so that it stays harmless when its
//!   power returns;
//! * **isolation**: the server is shut out on every array and every managed port of it is parked:
//!   what works when a power failure took the management controller along;
//! * **operator**: a named person says so, for one server and one generation.
//!
//! A journal keeps [`Evidence`], never a proof. So before anything is given, after a restart or
//! not, the evidence is looked at again, and what comes out is a [`Seat`]: it is neither cloned
//! nor stored, and without it [`crate::act`] neither admits nor powers on.
//!
//! ```compile_fail,E0451
//! // Nobody makes a seat by hand,
//! use coldspare::fence::Seat;
//! fn make(server: coldspare_names::ServerName, generation: coldspare_names::Generation) -> Seat {
//!     Seat { server, generation }
//! }
//! ```
//! ```compile_fail,E0599
//! // or keeps one for later,
//! fn keep(seat: coldspare::fence::Seat) -> coldspare::fence::Seat { seat.clone() }
//! ```
//! ```compile_fail,E0277
//! // or reads a proof from a file.
//! let proof: coldspare::fence::FenceProof = serde_json::from_str("{}").unwrap();
//! ```

use std::collections::BTreeSet;
use std::fmt;

use coldspare_bmc::{Disarmed, ProvenOff};
use coldspare_names::{ArrayName, Generation, PortId, ServerName};
use coldspare_network::Parked;
use coldspare_persona::FenceLevel;
use coldspare_san::ShutOutEvidence;
use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::holding::Grant;

/// What has to be shown before a server counts as fenced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// The server.
    pub server: ServerName,
    /// The highest generation it may hold.
    pub up_to: Generation,
    /// Every array: it must be shut out on each.
    pub arrays: BTreeSet<ArrayName>,
    /// Every managed switch port of it.
    pub ports: BTreeSet<PortId>,
    /// The kinds of proof that the pool's policy accepts.
    pub levels: BTreeSet<FenceLevel>,
}

/// One thing that was seen of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    server: ServerName,
    seen: Seen,
}

/// What was seen, sealed by the layer that saw it.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Its power was off, twice.
    Off(ProvenOff),
    /// Its boot settings are cleared, and its restore policy is always-off.
    Disarmed(Disarmed),
    /// An array shut it out.
    ShutOut(ShutOutEvidence),
    /// Ports of it are parked.
    Parked(Parked),
}

impl Piece {
    pub(crate) fn new(server: ServerName, seen: Seen) -> Self {
        Self { server, seen }
    }

    /// The newest generation that an array says was ever stamped on the persona's volumes, if this
    /// is an array's word.
    pub(crate) fn stamp(&self) -> Option<Generation> {
        match &self.seen {
            Seen::ShutOut(proven) => proven.stamps().values().max().copied(),
            Seen::Off(_) | Seen::Disarmed(_) | Seen::Parked(_) => None,
        }
    }
}

/// What a journal keeps of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Off, and shut out on every array.
    Off,
    /// Shut out on every array, and every managed port parked.
    Isolation,
    /// A person's word.
    Operator {
        /// Whose.
        by: Actor,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("it is off, and shut out on every array"),
            Self::Isolation => {
                f.write_str("it is shut out on every array, and every port of it is parked")
            }
            Self::Operator { by } => write!(f, "{by} says that it cannot act"),
        }
    }
}

/// That a server can neither write to a persona's volumes nor speak at its addresses, up to a
/// generation. Used up by [`crate::Holding::release`].
#[derive(Debug)]
pub struct FenceProof {
    server: ServerName,
    up_to: Generation,
    evidence: Evidence,
}

impl FenceProof {
    /// What was shown.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(crate) fn into_parts(self) -> (ServerName, Generation, Evidence) {
        (self.server, self.up_to, self.evidence)
    }
}

/// Why a server does not count as fenced: what is missing, by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unproven {
    /// The server.
    pub server: ServerName,
    /// What would complete the proof. [`Missing::Off`] and [`Missing::Disarmed`] together are one
    /// way, all of [`Missing::Parked`] another: either will do.
    pub missing: Vec<Missing>,
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not proven fenced:", self.server)?;
        for (index, missing) in self.missing.iter().enumerate() {
            write!(f, "{} {missing}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A part of a proof that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// It is not shown to be off.
    Off,
    /// It is not shown to be disarmed.
    Disarmed,
    /// This array did not shut it out.
    ShutOut(ArrayName),
    /// This port is not parked.
    Parked(PortId),
    /// Nobody has looked at it again.
    Fresh,
    /// The pool's policy, or an array that binds nobody, leaves it to a person's word.
    Word,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("not shown to be off"),
            Self::Disarmed => f.write_str("boot settings not shown to be cleared"),
            Self::ShutOut(array) => write!(f, "not shut out on {array}"),
            Self::Parked(port) => write!(f, "{port} not parked"),
            Self::Fresh => f.write_str("not looked at again"),
            Self::Word => f.write_str("only a person's word will do"),
        }
    }
}

/// Combines what was seen into a proof, or says what is missing.
///
/// Where an array cannot tell this server from the next holder, shutting out does not last:
/// isolation is no proof there, and a server that is off must be disarmed too, or it would come
/// back to the same volumes with its power.
pub fn prove(demand: &Demand, pieces: &[Piece]) -> Result<FenceProof, Unproven> {
    let mut off = false;
    let mut disarmed = false;
    let mut lasting = true;
    let mut arrays = demand.arrays.clone();
    let mut ports = demand.ports.clone();
    for piece in pieces.iter().filter(|piece| piece.server == demand.server) {
        match &piece.seen {
            Seen::Off(_) => off = true,
            Seen::Disarmed(_) => disarmed = true,
            Seen::ShutOut(proven) => {
                if proven.server() == &demand.server && proven.up_to() >= demand.up_to {
                    arrays.remove(proven.array());
                    lasting &= proven.is_lasting();
                }
            }
            Seen::Parked(parked) => {
                ports.retain(|port| {
                    port.switch != *parked.switch() || !parked.ports().contains(&port.port)
                });
            }
        }
    }

    let may_isolate =
        lasting && !demand.ports.is_empty() && demand.levels.contains(&FenceLevel::Isolation);
    let isolated = may_isolate && ports.is_empty();
    let may_be_off = demand.levels.contains(&FenceLevel::Off);
    off &= may_be_off;
    let silenced = isolated || (off && (lasting || disarmed));
    if arrays.is_empty() && silenced {
        let evidence = if off {
            Evidence::Off
        } else {
            Evidence::Isolation
        };
        return Ok(FenceProof {
            server: demand.server.clone(),
            up_to: demand.up_to,
            evidence,
        });
    }

    let mut missing: Vec<Missing> = arrays.into_iter().map(Missing::ShutOut).collect();
    if !silenced {
        missing.extend((may_be_off && !off).then_some(Missing::Off));
        missing.extend((may_be_off && !lasting && !disarmed).then_some(Missing::Disarmed));
        let ports = ports.into_iter().filter(|_| may_isolate);
        missing.extend(ports.map(Missing::Parked));
        missing.extend((!may_be_off && !may_isolate).then_some(Missing::Word));
    }
    Err(Unproven {
        server: demand.server.clone(),
        missing,
    })
}

/// A person's word that a server cannot act under a generation.
pub(crate) fn stated(by: Actor, server: ServerName, generation: Generation) -> FenceProof {
    FenceProof {
        server,
        up_to: generation,
        evidence: Evidence::Operator { by },
    }
}

/// The right to give a persona to one server under one generation, now: every server it was taken
/// from was looked at again.
#[derive(Debug)]
pub struct Seat {
    server: ServerName,
    generation: Generation,
}

impl Seat {
    /// Takes the seat for the one holder, if a fresh proof is at hand for every server that the
    /// persona was taken from.
    pub(crate) fn take(
        holder: &Grant,
        taken_from: &[Demand],
        proofs: &[FenceProof],
    ) -> Result<Self, Unproven> {
        for demand in taken_from {
            let covered =
                |proof: &FenceProof| proof.server == demand.server && proof.up_to >= demand.up_to;
            if !proofs.iter().any(covered) {
                return Err(Unproven {
                    server: demand.server.clone(),
                    missing: vec![Missing::Fresh],
                });
            }
        }
        Ok(Self {
            server: holder.server.clone(),
            generation: holder.generation,
        })
    }

    /// Nothing, if the seat is for this server under this generation; else the refusal.
    pub fn is_for(&self, server: &ServerName, generation: Generation) -> Result<(), String> {
        if self.server == *server && self.generation == generation {
            return Ok(());
        }
        Err(format!(
            "the seat is for {} under generation {}",
            self.server, self.generation
        ))
    }
}

#[cfg(test)]
pub(crate) mod tests;
