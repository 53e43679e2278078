//! A database availability group: what it is made of and how it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    CopyId, CopySettings, DagName, Database, DatabaseName, Edition, MemberName, MountDial,
    SiteName, Version, WitnessName,
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
    /// The witness that takes its place when members and first witness are lost together, if one
    /// is set.
    #[serde(default)]
    pub alternate_witness: Option<Witness>,
    /// Which of the two is in use.
    #[serde(default)]
    pub witness_share: WitnessShare,
    /// Whether databases wait for the others' word before they mount.
    #[serde(default)]
    pub activation_mode: ActivationMode,
    /// How often databases return to their first preference by themselves (2016 CU2 and later);
    /// `None` is never.
    #[serde(default)]
    pub preference_moves: Option<Duration>,
    /// Members that an administrator has marked as failed (`StoppedMailboxServers`): they are
    /// kept out of the cluster until they are started.
    #[serde(default)]
    pub stopped: BTreeSet<MemberName>,
    /// Members that are in neither `StartedMailboxServers` nor `StoppedMailboxServers`: while the
    /// mode is *`DagOnly`* nothing is mounted on them until they are started.
    #[serde(default)]
    pub unlisted: BTreeSet<MemberName>,
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

pub(crate) const fn yes() -> bool {
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

/// `WitnessShareInUse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum WitnessShare {
    /// The group's witness.
    #[default]
    Primary,
    /// The alternate witness, since a restore.
    Alternate,
}

/// What `Set-DatabaseAvailabilityGroup` decides about a group: a whole value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupSettings {
    /// Whether databases wait for the others' word before they mount.
    pub activation_mode: ActivationMode,
    /// How often databases return to their first preference by themselves; `None` is never.
    pub preference_moves: Option<Duration>,
    /// The server of the alternate witness.
    pub alternate_witness: Option<WitnessName>,
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
            alternate_witness: None,
            witness_share: WitnessShare::Primary,
            activation_mode: ActivationMode::Off,
            preference_moves: None,
            stopped: BTreeSet::new(),
            unlisted: BTreeSet::new(),
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

    /// The witness that is in use, if the group has one.
    pub fn witness_in_use(&self) -> Option<&Witness> {
        match self.witness_share {
            WitnessShare::Primary => self.witness.as_ref(),
            WitnessShare::Alternate => self.alternate_witness.as_ref(),
        }
    }

    /// The members that are not marked as failed: those that the cluster consists of.
    pub fn started(&self) -> impl Iterator<Item = &MemberName> {
        self.members
            .keys()
            .filter(|member| !self.stopped.contains(*member))
    }

    /// Whether the lists of started and stopped members let a member mount databases.
    ///
    /// Administrators report the error of one that is in neither list; that it comes only in
    /// datacenter activation coordination mode, which the lists are for, is an assumption.
    pub fn is_listed(&self, member: &MemberName) -> bool {
        self.activation_mode == ActivationMode::Off || !self.unlisted.contains(member)
    }

    /// What an administrator has decided about the group as a whole.
    pub fn settings(&self) -> GroupSettings {
        let alternate = self.alternate_witness.as_ref();
        GroupSettings {
            activation_mode: self.activation_mode,
            preference_moves: self.preference_moves,
            alternate_witness: alternate.map(|witness| witness.server.clone()),
        }
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
