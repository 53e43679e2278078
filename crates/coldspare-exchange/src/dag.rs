//! A database availability group: what it is made of and how it stands.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    CopyId, DagName, DatabaseName, Edition, MemberName, MountDial, Refusal, SiteName, Version,
    WitnessName, limits,
};

/// A group with the state of its cluster, as one read gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dag {
    /// Its name.
    pub name: DagName,
    /// All members run the same version.
    pub version: Version,
    /// The file share witness, if one is set. It votes only while the members are even in number.
    #[serde(default)]
    pub witness: Option<Witness>,
    /// Whether databases wait for the others' word before they mount.
    #[serde(default)]
    pub activation_mode: ActivationMode,
    /// How often databases return to their first preference by themselves (2016 CU2 and later);
    /// `None` is never.
    #[serde(default)]
    pub preference_moves: Option<Duration>,
    /// The members.
    pub members: BTreeMap<MemberName, Member>,
    /// The replicated databases.
    pub databases: BTreeMap<DatabaseName, Database>,
    /// The member whose Active Manager decides; `None` while there is no quorum.
    #[serde(default)]
    pub primary_active_manager: Option<MemberName>,
    /// Whether the cluster has quorum.
    #[serde(default = "yes")]
    pub quorum: bool,
}

const fn yes() -> bool {
    true
}

/// The file share witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The server that keeps it; never a member.
    pub server: WitnessName,
    /// Whether the cluster reaches it.
    #[serde(default = "yes")]
    pub reachable: bool,
}

/// `DatacenterActivationMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum ActivationMode {
    /// A member mounts as soon as there is quorum.
    #[default]
    Off,
    /// A member mounts only when another says that it may (datacenter activation coordination).
    DagOnly,
}

/// A mailbox server in the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its Active Directory site.
    pub site: SiteName,
    /// Its licence.
    #[serde(default)]
    pub edition: Edition,
    /// How the cluster sees it.
    #[serde(default)]
    pub node: NodeState,
    /// What may be activated on it.
    #[serde(default)]
    pub policy: MemberPolicy,
}

/// The state of a cluster node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum NodeState {
    /// In the cluster.
    #[default]
    Up,
    /// In the cluster, but it takes nothing over.
    Paused,
    /// On its way in.
    Joining,
    /// Not in the cluster.
    Down,
    /// Nobody could say.
    Unknown,
}

impl NodeState {
    /// Whether it takes part in the cluster and votes.
    pub const fn votes(self) -> bool {
        matches!(self, Self::Up | Self::Paused)
    }
}

/// `DatabaseCopyAutoActivationPolicy`: which copies may be activated on a server without being
/// told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum ActivationPolicy {
    /// Any.
    #[default]
    Unrestricted,
    /// Only of databases that are active in the same Active Directory site.
    IntrasiteOnly,
    /// None.
    Blocked,
}

/// What `Set-MailboxServer` decides about activation: a whole value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberPolicy {
    /// What may be activated here.
    pub activation: ActivationPolicy,
    /// Activate nothing here while another healthy copy exists, and move away what is mounted
    /// (`DatabaseCopyActivationDisabledAndMoveNow`, 2013 and later).
    pub disabled_and_move_now: bool,
    /// The hard maximum of active databases; the store itself refuses more.
    pub maximum_active: Option<u32>,
    /// The soft maximum of active databases (2013 and later).
    pub maximum_preferred: Option<u32>,
    /// How many logs may be missing when Active Manager mounts a copy here.
    pub dial: MountDial,
}

/// A replicated database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The member with the active copy: the last known one while that member is down.
    pub active: MemberName,
    /// Whether clients are served.
    #[serde(default = "yes")]
    pub mounted: bool,
    /// Its copies, at most one a member.
    pub copies: BTreeMap<MemberName, CopySettings>,
}

/// What `Set-MailboxDatabaseCopy` decides about a copy: a whole value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopySettings {
    /// Activation preference: 1 is the most preferred; unique among the copies of a database.
    pub preference: NonZeroU8,
    /// How long a log waits before it is replayed; more than none makes it a lagged copy.
    #[serde(default)]
    pub replay_lag: Duration,
    /// How much longer a log is kept after it was replayed.
    #[serde(default)]
    pub truncation_lag: Duration,
}

impl CopySettings {
    /// A copy of that preference without any lag.
    pub const fn preferred(preference: NonZeroU8) -> Self {
        Self {
            preference,
            replay_lag: Duration::ZERO,
            truncation_lag: Duration::ZERO,
        }
    }

    /// Whether it is a lagged copy: it does not count towards high availability.
    pub const fn is_lagged(&self) -> bool {
        !self.replay_lag.is_zero()
    }
}

impl Database {
    /// The member of the most preferred copy.
    pub fn most_preferred(&self) -> Option<&MemberName> {
        let by_preference = self.copies.iter().min_by_key(|(_, copy)| copy.preference);
        by_preference.map(|(member, _)| member)
    }

    /// The preference of the active copy.
    pub fn active_preference(&self) -> Option<NonZeroU8> {
        self.copies.get(&self.active).map(|copy| copy.preference)
    }
}

impl Database {
    /// Gives a copy other settings. When its preference is another copy's, those between make
    /// room, so that each number from 1 on stays with one copy (an assumption: documentation only
    /// says that they are unique).
    pub fn set_copy(&mut self, member: &MemberName, wanted: CopySettings) -> Result<(), Refusal> {
        let limit = |what: &str, limit| {
            let what = what.to_owned();
            Err(Refusal::Limit { what, limit })
        };
        if usize::from(wanted.preference.get()) > self.copies.len() {
            return limit("a preference", self.copies.len() as u64);
        }
        if wanted.replay_lag > limits::LAG || wanted.truncation_lag > limits::LAG {
            return limit("a lag in days", limits::LAG.as_secs() / 86_400);
        }
        let Some(copy) = self.copies.get_mut(member) else {
            return Err(Refusal::NoCopy(member.clone()));
        };
        let (was, now) = (copy.preference, wanted.preference);
        *copy = wanted;
        for (other, copy) in &mut self.copies {
            let preference = copy.preference;
            let number = preference.get();
            let moved = if other == member {
                None
            } else if (now..was).contains(&preference) {
                NonZeroU8::new(number.saturating_add(1))
            } else if preference > was && preference <= now {
                NonZeroU8::new(number.saturating_sub(1))
            } else {
                None
            };
            copy.preference = moved.unwrap_or(preference);
        }
        Ok(())
    }
}

impl Member {
    /// A member of that site, up, with an Enterprise licence and without restrictions.
    pub fn at(site: SiteName) -> Self {
        Self {
            site,
            edition: Edition::default(),
            node: NodeState::default(),
            policy: MemberPolicy::default(),
        }
    }
}

impl Dag {
    /// A group of that name and version without members.
    pub const fn new(name: DagName, version: Version) -> Self {
        Self {
            name,
            version,
            witness: None,
            activation_mode: ActivationMode::Off,
            preference_moves: None,
            members: BTreeMap::new(),
            databases: BTreeMap::new(),
            primary_active_manager: None,
            quorum: true,
        }
    }

    /// With a file share witness on that server.
    #[must_use]
    pub fn with_witness(mut self, server: WitnessName) -> Self {
        let reachable = true;
        self.witness = Some(Witness { server, reachable });
        self
    }

    /// With that member.
    #[must_use]
    pub fn with_member(mut self, name: MemberName, member: Member) -> Self {
        self.members.insert(name, member);
        self
    }

    /// With a database that has a copy on each of those members, the most preferred first, where
    /// it is active and mounted.
    #[must_use]
    pub fn with_database(mut self, name: DatabaseName, by_preference: &[MemberName]) -> Self {
        let preferences = (1..=u8::MAX).filter_map(NonZeroU8::new);
        let copies = by_preference.iter().cloned().zip(preferences);
        let copies =
            copies.map(|(member, preference)| (member, CopySettings::preferred(preference)));
        if let Some(active) = by_preference.first().cloned() {
            let copies = copies.collect();
            let mounted = true;
            self.databases.insert(
                name,
                Database {
                    active,
                    mounted,
                    copies,
                },
            );
        }
        self
    }

    /// Every copy of every database, in order of database and member.
    pub fn copy_ids(&self) -> impl Iterator<Item = CopyId> {
        self.databases.iter().flat_map(|(database, of)| {
            let members = of.copies.keys();
            members.map(move |member| CopyId::new(database, member))
        })
    }

    /// The databases that are active on a member.
    pub fn active_on<'a>(
        &'a self,
        member: &'a MemberName,
    ) -> impl Iterator<Item = &'a DatabaseName> {
        let here = move |(_, database): &(_, &Database)| database.active == *member;
        self.databases.iter().filter(here).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests;
