//! Groups as the shell's cmdlets describe them, projected to JSON.
//!
//! One object holds the results of four cmdlets, each a list or, as Windows PowerShell writes a
//! list of one, the object alone:
//!
//! | key | cmdlet | properties read |
//! |---|---|---|
//! | `DatabaseAvailabilityGroup` | `Get-DatabaseAvailabilityGroup -Status` | `Name`, `Servers`, `OperationalServers`, `PrimaryActiveManager`, `WitnessServer`, `AlternateWitnessServer`, `WitnessShareInUse`, `StartedMailboxServers`, `StoppedMailboxServers`, `DatacenterActivationMode`, `PreferenceMoveFrequency` |
//! | `MailboxServers` | `Get-MailboxServer`, `Get-ExchangeServer` | `Name`, `Site`, `Edition`, `AdminDisplayVersion`, `DatabaseCopyAutoActivationPolicy`, `DatabaseCopyActivationDisabledAndMoveNow`, `MaximumActiveDatabases`, `MaximumPreferredActiveDatabases`, `AutoDatabaseMountDial` |
//! | `MailboxDatabases` | `Get-MailboxDatabase -Status` | `Name`, `MountedOnServer`, `Server`, `Mounted`, `ActivationPreference`, `ReplayLagTimes`, `TruncationLagTimes` |
//! | `CopyStatus` | `Get-MailboxDatabaseCopyStatus` | `Identity`, `Status`, `ActivationSuspended`, `SuspendComment`, `ReplayLagStatus`, `ErrorMessage`, `ContentIndexState`, `CopyQueueLength`, `ReplayQueueLength`, `LastLogGenerated`, `LastLogCopyNotified`, `LastLogCopied`, `LastLogInspected`, `LastLogReplayed` |
//!
//! Further properties are passed over, missing ones have the defaults of Exchange. An optional
//! fifth key, `ClusterNodes` with `Name` and `State` of `Get-ClusterNode`, tells paused nodes.

mod cell;
mod parts;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::cell::Cell;
use crate::{
    CopyState, Dag, DagName, DatabaseName, MemberName, NodeState, Witness, WitnessName,
    WitnessShare,
};

/// Why JSON does not describe a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BadInput {
    /// Where: `CopyStatus[3].Status`.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

/// A group and its copies, as the cmdlets describe them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group.
    pub dag: Dag,
    /// Its copies, in order of database and member.
    pub copies: Vec<CopyState>,
}

/// The group that the projected results of the cmdlets describe.
pub fn read_group(json: &Value) -> Result<Group, BadInput> {
    let root = Cell::root(json);
    let described = root.field("DatabaseAvailabilityGroup").only()?;
    let servers = root.field("MailboxServers").list();
    let name: DagName = described.field("Name").required()?;
    let version = parts::version(&servers)?;
    let mut dag = Dag::new(name, version);
    let nodes = nodes(&root, &described)?;
    for server in &servers {
        let name: MemberName = server.field("Name").required()?;
        let node = nodes.of(&name);
        dag.members.insert(name, parts::member(server, node)?);
    }
    read_witnesses(&described, &mut dag)?;
    read_lists(&described, &mut dag)?;
    dag.activation_mode = described
        .field("DatacenterActivationMode")
        .value()?
        .unwrap_or_default();
    let every = described.field("PreferenceMoveFrequency").duration()?;
    dag.preference_moves = every.filter(|every| !every.is_zero());
    dag.primary_active_manager = described.field("PrimaryActiveManager").parsed()?;
    dag.quorum = dag.primary_active_manager.is_some() || !nodes.with_status;
    let copies = copies(&root)?;
    for database in root.field("MailboxDatabases").list() {
        let name: DatabaseName = database.field("Name").required()?;
        let read = parts::database(&database, &name, &copies)?;
        dag.databases.insert(name, read);
    }
    if let Some(defect) = dag.defects().first() {
        let path = "DatabaseAvailabilityGroup".to_owned();
        return Err(BadInput {
            path,
            reason: defect.to_string(),
        });
    }
    let copies = copies.into_values().map(|mut state| {
        let database = dag.databases.get(&state.copy.database);
        state.active = database.is_some_and(|of| of.active == state.copy.member);
        if state.active {
            state.logs = None;
        }
        state
    });
    Ok(Group {
        copies: copies.collect(),
        dag,
    })
}

/// The members that are stopped, and those that are in neither list; if nobody is told to be
/// started, all others are.
fn read_lists(described: &Cell<'_>, dag: &mut Dag) -> Result<(), BadInput> {
    for server in described.field("StoppedMailboxServers").list() {
        dag.stopped.insert(server.required()?);
    }
    let mut started: BTreeSet<MemberName> = BTreeSet::new();
    for server in described.field("StartedMailboxServers").list() {
        started.insert(server.required()?);
    }
    if !started.is_empty() {
        let unlisted = dag
            .started()
            .filter(|member| !started.contains(*member))
            .cloned();
        dag.unlisted = unlisted.collect();
    }
    Ok(())
}

/// Both witnesses. Of the one that is not in use nothing is known, so it is taken to be reachable.
fn read_witnesses(described: &Cell<'_>, dag: &mut Dag) -> Result<(), BadInput> {
    let used = described.field("WitnessShareInUse").text()?;
    let used = used.unwrap_or_default();
    let failed = matches!(used.as_str(), "None" | "InvalidConfiguration");
    let server = described.field("WitnessServer").parsed::<WitnessName>()?;
    dag.witness = server.map(|server| Witness {
        server,
        reachable: !failed,
    });
    let server = described.field("AlternateWitnessServer").parsed()?;
    dag.alternate_witness = server.map(|server| Witness {
        server,
        reachable: true,
    });
    if used == "Alternate" {
        dag.witness_share = WitnessShare::Alternate;
    }
    Ok(())
}

fn copies(root: &Cell<'_>) -> Result<BTreeMap<crate::CopyId, CopyState>, BadInput> {
    let mut copies = BTreeMap::new();
    for row in root.field("CopyStatus").list() {
        let state = parts::copy(&row)?;
        let copy = state.copy.clone();
        if copies.insert(copy, state).is_some() {
            return Err(row.field("Identity").bad("the copy is listed twice"));
        }
    }
    Ok(copies)
}

/// What is known of the cluster's nodes.
struct Nodes {
    states: BTreeMap<MemberName, NodeState>,
    /// Whether the group was read with its status: otherwise nothing is known.
    with_status: bool,
}

impl Nodes {
    fn of(&self, member: &MemberName) -> NodeState {
        let known = self.states.get(member).copied();
        known.unwrap_or(if self.with_status {
            NodeState::Down
        } else {
            NodeState::Unknown
        })
    }
}

fn nodes(root: &Cell<'_>, dag: &Cell<'_>) -> Result<Nodes, BadInput> {
    let operational = dag.field("OperationalServers").list();
    let with_status = !operational.is_empty();
    let mut states = BTreeMap::new();
    for server in operational {
        states.insert(server.required()?, NodeState::Up);
    }
    for node in root.field("ClusterNodes").list() {
        let state = node.field("State").value()?.unwrap_or_default();
        states.insert(node.field("Name").required()?, state);
    }
    Ok(Nodes {
        states,
        with_status,
    })
}

#[cfg(test)]
mod tests;
