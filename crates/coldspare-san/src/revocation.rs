//! The decisions inside shutting out: pure, so that each can be looked at alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use coldspare_names::{Generation, IscsiName, ServerName, VolumeName};
use serde::{Deserialize, Serialize};

use crate::{Admission, Admissions, ArrayTraits, Leftover, Session, StampKeeper};

/// Which server is to be shut out of an array, and up to which generation.
///
/// A late one does no harm to data: what a newer generation was given stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutOut {
    /// The server.
    pub server: ServerName,
    /// Its SAN addresses: every session from one of them is its own.
    pub addresses: BTreeSet<IpAddr>,
    /// The persona's initiator name: a session under it that comes neither from the server nor
    /// from the holder is taken for the server's too. `None` for a server that wore no persona.
    pub initiator: Option<IscsiName>,
    /// The last generation under which the server may still have been admitted.
    pub up_to: Generation,
    /// The persona's volumes on this array: these are stamped, and foreign rules taken off them.
    /// The server's admissions are revoked on *every* volume, named here or not.
    pub volumes: BTreeSet<VolumeName>,
    /// The generation with which they are stamped: the persona's newest.
    pub stamp: Generation,
    /// SAN addresses of the persona's present holder, if it is another server: spared.
    pub spared: BTreeSet<IpAddr>,
}

impl ShutOut {
    /// What is to be set on a volume where that was found, if it is to be changed.
    pub fn revoke(&self, volume: &VolumeName, found: &Admissions) -> Option<Admissions> {
        let is_own = self.volumes.contains(volume);
        let stays = !found.admitted.iter().any(|admission| self.takes(admission))
            && !(is_own && (found.stamp < self.stamp || !found.foreign.is_empty()));
        if stays {
            return None;
        }
        let mut wanted = found.clone();
        wanted.admitted.retain(|admission| !self.takes(admission));
        if is_own {
            wanted.stamp = wanted.stamp.max(self.stamp);
            wanted.foreign.clear();
        }
        Some(wanted)
    }

    fn takes(&self, admission: &Admission) -> bool {
        admission.server == self.server && admission.generation <= self.up_to
    }

    /// Whether a session may be the old server's, so that it has to go.
    ///
    /// In doubt it is: a holder that loses its session logs in again, an old server cannot.
    pub fn is_old(&self, session: &Session) -> bool {
        if session
            .generation
            .is_some_and(|generation| generation > self.up_to)
        {
            return false;
        }
        // Whoever typed the name may not have prepared it: compare the prepared form.
        let initiator = self.initiator.as_ref();
        let is_persona = initiator.is_some_and(|initiator| initiator.is(&session.initiator));
        let is_spared = self.spared.contains(&session.source);
        self.addresses.contains(&session.source) || (is_persona && !is_spared)
    }

    /// Everything that keeps the server from being shut out of an array that looks like this.
    pub fn leftovers(
        &self,
        traits: ArrayTraits,
        admissions: &BTreeMap<VolumeName, Admissions>,
        sessions: &[Session],
    ) -> Vec<Leftover> {
        let missing = self
            .volumes
            .iter()
            .filter(|volume| !admissions.contains_key(*volume));
        let missing = missing.map(|volume| Leftover::Missing {
            volume: volume.clone(),
        });
        let admitted = admissions
            .iter()
            .flat_map(|(volume, found)| self.left_on(traits, volume, found));
        let old = sessions.iter().filter(|session| self.is_old(session));
        let old = old.map(|session| Leftover::Session(Box::new(session.clone())));
        missing.chain(admitted).chain(old).collect()
    }

    fn left_on(
        &self,
        traits: ArrayTraits,
        volume: &VolumeName,
        found: &Admissions,
    ) -> Vec<Leftover> {
        let is_own = self.volumes.contains(volume);
        let volume = || volume.clone();
        let revoked = found.admitted.iter();
        let revoked = revoked.filter(|admission| self.takes(admission));
        let mut left: Vec<_> = revoked
            .map(|admission| Leftover::Admission {
                volume: volume(),
                generation: admission.generation,
            })
            .collect();
        if !is_own {
            return left;
        }
        if !found.foreign.is_empty() {
            left.push(Leftover::ForeignRule { volume: volume() });
        }
        if found.admitted.is_empty() && traits.opens_when_last_account_goes {
            left.push(Leftover::Open { volume: volume() });
        }
        if found.stamp < self.stamp && traits.stamps != StampKeeper::Nobody {
            left.push(Leftover::Unstamped {
                volume: volume(),
                stamp: found.stamp,
            });
        }
        left
    }
}

#[cfg(test)]
mod tests;
