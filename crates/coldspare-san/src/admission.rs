//! Admission: who may log in to a volume's target, and the stamp that stops a late giver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use coldspare_names::{Generation, IscsiName, ServerName};
use serde::{Deserialize, Serialize};

use crate::Refusal;

/// One server's right to log in to one target.
///
/// The initiator name belongs to the persona and moves with it, so the name alone cannot tell the
/// new server from the old one. What binds it to one server is its SAN addresses, or the secret
/// that [`chap`](crate::chap) derives from server and generation, or both: see
/// [`ArrayTraits`](crate::ArrayTraits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// The name under which it logs in.
    pub initiator: IscsiName,
    /// The server that is meant.
    pub server: ServerName,
    /// The generation under which that server got the persona.
    pub generation: Generation,
    /// That server's SAN addresses.
    pub addresses: BTreeSet<IpAddr>,
}

/// Everything that decides who may log in to one volume's target: set and read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admissions {
    /// No admission of an older generation is taken any more. It never goes back.
    /// [`Generation::NONE`] where nothing was ever stamped, or the array keeps no stamps.
    pub stamp: Generation,
    /// Who may log in.
    pub admitted: BTreeSet<Admission>,
    /// Rules that somebody else made, in the array's own words. They can be taken away, never made.
    #[serde(default)]
    pub foreign: BTreeSet<String>,
}

impl Admissions {
    /// Whether a volume where this was found may be set to `wanted` by a caller who believes that
    /// `expected` is there. Every implementation of [`Array`](crate::Array) asks this one function
    /// and changes nothing when the answer is a refusal.
    pub fn permit(&self, expected: &Self, wanted: &Self) -> Result<(), Refusal> {
        if self == wanted {
            return Ok(());
        }
        let stamp = self.stamp.max(wanted.stamp);
        let mut new = wanted.admitted.difference(&self.admitted);
        if let Some(late) = new.find(|admission| admission.generation < stamp) {
            let generation = late.generation;
            return Err(Refusal::Stale { generation, stamp });
        }
        if self != expected {
            return Err(Refusal::Conflict(Box::new(self.clone())));
        }
        if wanted.stamp < self.stamp {
            return Err(Refusal::StampWouldGoBack { stamp: self.stamp });
        }
        if !wanted.foreign.is_subset(&self.foreign) {
            return Err(Refusal::ForeignRule);
        }
        Ok(())
    }

    /// This with one more admission, which takes the place of the same server's older ones and
    /// raises the stamp to its own generation.
    #[must_use]
    pub fn admitting(&self, admission: &Admission) -> Self {
        let mut wanted = self.clone();
        wanted.stamp = wanted.stamp.max(admission.generation);
        wanted.admitted.retain(|other| {
            other.server != admission.server || other.generation > admission.generation
        });
        wanted.admitted.insert(admission.clone());
        wanted
    }
}
