//! What differs between the versions of Exchange.

use serde::{Deserialize, Serialize};

/// A version of Exchange Server, from 2010 SP2 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// Exchange Server 2010 SP2 and SP3, that of the white paper.
    #[serde(rename = "2010")]
    V2010,
    /// Exchange Server 2013 before its second cumulative update: as first released, and CU1.
    #[serde(rename = "2013-cu1")]
    V2013Cu1,
    /// Exchange Server 2013 from its second cumulative update on.
    #[serde(rename = "2013")]
    V2013,
    /// Exchange Server 2016.
    #[serde(rename = "2016")]
    V2016,
    /// Exchange Server 2019.
    #[serde(rename = "2019")]
    V2019,
    /// Exchange Server Subscription Edition.
    #[serde(rename = "subscription-edition")]
    SubscriptionEdition,
}

impl Version {
    /// Whether servers have component states and monitored health (managed availability).
    pub fn has_managed_availability(self) -> bool {
        self >= Self::V2013Cu1
    }

    /// Whether failed disks are replaced by spare ones without a person.
    pub fn has_automatic_reseed(self) -> bool {
        self >= Self::V2013Cu1
    }

    /// Whether databases return to their preferred copy by themselves (from 2016 CU2 on).
    pub fn moves_to_preferred_copy(self) -> bool {
        self >= Self::V2016
    }

    /// Whether each copy keeps a content index of its own.
    pub fn has_content_index_per_copy(self) -> bool {
        self < Self::V2019
    }
}

/// The licence of a server: it limits how many databases can be mounted there
/// ([`limits::databases`](crate::limits::databases)).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    /// Five databases.
    Standard,
    /// A hundred databases; fifty in 2013 before its second cumulative update.
    #[default]
    Enterprise,
}
