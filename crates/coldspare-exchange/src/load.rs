//! How much a server has to do, and whom a loss would overload.
//!
//! **The figures of I/O and of logs per mailbox are from memory** (Microsoft's sizing guidance for
//! 2010 and 2013, messages of about 75 KB): they were not read in a source and want verifying
//! before somebody buys disks by them. That passive copies of 2013 and later cost about half of
//! what an active one does is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use crate::{ActivationPolicy, Dag, Database, DatabaseName, MemberName, NodeState, Version};

/// Input and output operations a second, in millionths.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Iops(u64);

impl Iops {
    /// That many a second.
    pub const fn new(a_second: u64) -> Self {
        Self(a_second.saturating_mul(1_000_000))
    }

    /// In millionths.
    pub const fn millionths(self) -> u64 {
        self.0
    }
}

impl Add for Iops {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Iops {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// To three digits, rounded.
impl fmt::Display for Iops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.0.saturating_add(500) / 1_000;
        write!(f, "{}.{:03}", thousandths / 1_000, thousandths % 1_000)
    }
}

/// What the clients of a database do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseLoad {
    /// Its mailboxes.
    pub mailboxes: u64,
    /// Messages that each sends and receives a day.
    pub messages_a_day: u64,
}

/// What a mailbox costs where it is active, in a group. From memory: see above.
pub const fn mailbox_iops(version: Version, messages_a_day: u64) -> Iops {
    let a_message = match version {
        Version::V2010 => 1_000,
        _ => 670,
    };
    Iops(messages_a_day.saturating_mul(a_message))
}

/// What a mailbox costs on a server that is in no group (2010). From memory: see above.
pub const fn mailbox_iops_alone(messages_a_day: u64) -> Iops {
    Iops(messages_a_day.saturating_mul(1_200))
}

/// How many logs of 1 MB a mailbox causes a day: a fifth of its messages. From memory: see above.
pub const fn mailbox_logs_a_day(messages_a_day: u64) -> u64 {
    messages_a_day / 5
}

impl DatabaseLoad {
    /// How many logs its clients cause in an hour, spread over the day.
    pub const fn logs_an_hour(&self) -> u64 {
        self.mailboxes
            .saturating_mul(mailbox_logs_a_day(self.messages_a_day))
            / 24
    }

    /// What it costs where it is active.
    pub fn active(&self, version: Version) -> Iops {
        Iops(
            mailbox_iops(version, self.messages_a_day)
                .0
                .saturating_mul(self.mailboxes),
        )
    }

    /// What it costs where it is passive: as much in 2010, half of it since.
    pub fn passive(&self, version: Version) -> Iops {
        let active = self.active(version).0;
        Iops(if version == Version::V2010 {
            active
        } else {
            active / 2
        })
    }
}

/// What is known of the load of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadModel {
    /// What the clients of each database do.
    pub databases: BTreeMap<DatabaseName, DatabaseLoad>,
    /// What each server can do; one that is not listed is never overloaded.
    #[serde(default)]
    pub capacity: BTreeMap<MemberName, Iops>,
}

/// What one server has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerLoad {
    /// Its active databases.
    pub active: usize,
    /// Its passive copies.
    pub passive: usize,
    /// What they cost together, with a fifth of headroom.
    pub iops: Iops,
}

impl LoadModel {
    /// What each server has to do as the group stands; nothing on a node that is not up.
    pub fn servers(&self, dag: &Dag) -> BTreeMap<MemberName, ServerLoad> {
        let mut loads: BTreeMap<&MemberName, ServerLoad> = dag
            .members
            .keys()
            .map(|member| (member, ServerLoad::default()))
            .collect();
        for (name, database) in &dag.databases {
            let of = self.databases.get(name).copied().unwrap_or_default();
            for member in database.copies.keys() {
                let up = dag.members.get(member).is_some_and(|of| of.node.votes());
                let Some(load) = loads.get_mut(member).filter(|_| up) else {
                    continue;
                };
                if database.active == *member {
                    load.active += 1;
                    load.iops = load.iops + of.active(dag.version);
                } else {
                    load.passive += 1;
                    load.iops = load.iops + of.passive(dag.version);
                }
            }
        }
        let with_headroom = |(member, load): (&MemberName, ServerLoad)| {
            let iops = Iops(load.iops.0.saturating_mul(6) / 5);
            (member.clone(), ServerLoad { iops, ..load })
        };
        loads.into_iter().map(with_headroom).collect()
    }

    /// What the loss of members would do.
    pub fn after(&self, dag: &Dag, lost: &BTreeSet<MemberName>) -> AfterLoss {
        let mut after = dag.clone();
        for (name, member) in &mut after.members {
            if lost.contains(name) {
                member.node = NodeState::Down;
            }
        }
        let mut unserved = Vec::new();
        let members = &after.members;
        for (name, database) in &mut after.databases {
            if lost.contains(&database.active) {
                let up = |member: &MemberName| {
                    members.get(member).is_some_and(|of| {
                        of.node == NodeState::Up
                            && of.policy.activation != ActivationPolicy::Blocked
                    })
                };
                match next_home(database, up) {
                    Some(home) => database.active = home,
                    None => unserved.push(name.clone()),
                }
            }
        }
        let servers = self.servers(&after);
        let over = servers.iter().filter(|(member, load)| {
            self.capacity
                .get(*member)
                .is_some_and(|capacity| load.iops > *capacity)
        });
        AfterLoss {
            lost: lost.clone(),
            overloaded: over
                .map(|(member, load)| (member.clone(), load.iops))
                .collect(),
            unserved,
            servers,
        }
    }

    /// Every single and every double loss that overloads a server or leaves a database without
    /// one that serves it.
    pub fn risks(&self, dag: &Dag) -> Vec<AfterLoss> {
        let members: Vec<&MemberName> = dag.members.keys().collect();
        let singles = members.iter().map(|one| BTreeSet::from([(*one).clone()]));
        let doubles = members.iter().enumerate().flat_map(|(index, one)| {
            let others = members[index + 1..].iter();
            others.map(|other| BTreeSet::from([(*one).clone(), (*other).clone()]))
        });
        let losses = singles.chain(doubles).map(|lost| self.after(dag, &lost));
        losses
            .filter(|after| !after.overloaded.is_empty() || !after.unserved.is_empty())
            .collect()
    }
}

/// Where a database goes: the most preferred copy on a server that is up.
fn next_home(database: &Database, up: impl Fn(&MemberName) -> bool) -> Option<MemberName> {
    let copies = database.copies.iter().filter(|(member, _)| up(member));
    let best = copies.min_by_key(|(_, copy)| (copy.is_lagged(), copy.preference));
    best.map(|(member, _)| member.clone())
}

/// What a loss of members does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfterLoss {
    /// Who is lost, all at once.
    pub lost: BTreeSet<MemberName>,
    /// Who has to do more than it can, and how much.
    pub overloaded: BTreeMap<MemberName, Iops>,
    /// Databases that no server could take over.
    pub unserved: Vec<DatabaseName>,
    /// What each server has to do.
    pub servers: BTreeMap<MemberName, ServerLoad>,
}

#[cfg(test)]
mod tests;
