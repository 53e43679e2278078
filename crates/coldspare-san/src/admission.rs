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
        // One that the caller saw and that has gone since makes it a conflict, not a late admission.
        let known = |admission: &&Admission| {
            self.admitted.contains(*admission) || expected.admitted.contains(*admission)
        };
        let mut new = wanted.admitted.iter().filter(|admission| !known(admission));
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

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn admission()(server in 0..3_u8, generation in 0..6_u64) -> Admission {
            Admission {
                initiator: "iqn.2012-08.com.example:exchange1".parse().unwrap(),
                server: format!("server-{server}").parse().unwrap(),
                generation: Generation::new(generation),
                addresses: [IpAddr::from([10, 20, 0, server])].into(),
            }
        }
    }

    prop_compose! {
        fn admissions()(
            stamp in 0..6_u64,
            admitted in btree_set(admission(), 0..3),
            foreign in btree_set("[ab]", 0..2),
        ) -> Admissions {
            Admissions { stamp: Generation::new(stamp), admitted, foreign }
        }
    }

    proptest! {
        #[test]
        fn no_permitted_change_takes_a_stamp_back_or_lets_a_late_one_in(
            found in admissions(), expected in admissions(), wanted in admissions(),
        ) {
            for expected in [&expected, &found] {
                if found.permit(expected, &wanted).is_err() {
                    continue;
                }
                prop_assert!(wanted.stamp >= found.stamp);
                prop_assert!(wanted == found || *expected == found);
                prop_assert!(wanted.foreign.is_subset(&found.foreign));
                for new in wanted.admitted.difference(&found.admitted) {
                    prop_assert!(new.generation >= wanted.stamp);
                }
            }
        }

        #[test]
        fn admitting_is_permitted_exactly_when_it_is_not_late(
            found in admissions(), admission in admission(),
        ) {
            let wanted = found.admitting(&admission);
            prop_assert!(wanted.admitted.contains(&admission));
            prop_assert_eq!(&wanted.admitting(&admission), &wanted, "twice is once");
            let is_late = admission.generation < found.stamp && !found.admitted.contains(&admission);
            prop_assert_eq!(found.permit(&found, &wanted).is_err(), is_late);
            let older = |other: &&Admission| {
                other.server == admission.server && other.generation < admission.generation
            };
            prop_assert_eq!(wanted.admitted.iter().find(older), None);
        }

        #[test]
        fn admissions_survive_being_written_down(found in admissions()) {
            let json = serde_json::to_string(&found).unwrap();
            prop_assert_eq!(serde_json::from_str::<Admissions>(&json).unwrap(), found);
        }
    }
}
