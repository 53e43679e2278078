//! Database availability groups: `[dags.NAME]`.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_exchange::{
    CopyId, CopySettings, Dag, DagName, Database, DatabaseName, Member, MemberName, NodeState,
    Witness, WitnessName,
};
use coldspare_names::{PersonaName, VolumeId};
use serde::{Deserialize, Serialize};

use super::array::volume_id;
use super::driver::{self, DagDriver};
use super::error::KeyPath;
use super::reader::Table;
use super::value::{duration, plain, text};

/// A database availability group, and what carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteDag {
    /// How it is reached.
    pub driver: DagDriver,
    /// The group in its original configuration: every member up, every database active where it
    /// is preferred.
    pub dag: Dag,
    /// The persona that each member is.
    pub personas: BTreeMap<MemberName, PersonaName>,
    /// The volume that holds each copy.
    pub volumes: BTreeMap<CopyId, VolumeId>,
}

pub(super) fn read(name: &DagName, table: &mut Table<'_>) -> Option<SiteDag> {
    let driver = driver::dag(table);
    let version = table.required("version", plain);
    let witness: Option<WitnessName> = table.optional("witness", table.one_of("externals"));
    let activation_mode = table.optional("activation-mode", plain).unwrap_or_default();
    let preference_moves = table.optional("preference-moves", duration);
    let members = table.named("members", |_: &MemberName, table| member(table));
    let listed = KeyPath::from("dags").then(name.as_str()).then("members");
    let found = table.named("databases", |name, table| database(name, &listed, table));

    let mut personas = BTreeMap::new();
    let mut volumes = BTreeMap::new();
    let mut databases = BTreeMap::new();
    let members = members.into_iter().map(|(name, (persona, member))| {
        personas.insert(name.clone(), persona);
        (name, member)
    });
    let members = members.collect();
    for (name, (database, held_by)) in found {
        volumes.extend(held_by);
        databases.insert(name, database);
    }
    let dag = Dag {
        witness: witness.map(|server| Witness {
            server,
            reachable: true,
        }),
        activation_mode,
        preference_moves,
        members,
        databases,
        primary_active_manager: personas.keys().next().cloned(),
        ..Dag::new(name.clone(), version?)
    };
    Some(SiteDag {
        driver: driver?,
        dag,
        personas,
        volumes,
    })
}

fn member(table: &mut Table<'_>) -> Option<(PersonaName, Member)> {
    let persona = table.required("persona", table.one_of("personas"));
    let site = table.required("site", text);
    let edition = table.optional("edition", plain).unwrap_or_default();
    let policy = table
        .optional_table("policy", Table::rest)
        .unwrap_or_default();
    let member = Member {
        site: site?,
        edition,
        node: NodeState::Up,
        policy,
    };
    Some((persona?, member))
}

type Volumes = BTreeMap<CopyId, VolumeId>;

fn database(
    name: &DatabaseName,
    members: &KeyPath,
    table: &mut Table<'_>,
) -> Option<(Database, Volumes)> {
    let found = table.named_of("copies", members, |_: &MemberName, table| copy(table));
    let mut volumes = Volumes::new();
    let mut copies: BTreeMap<MemberName, CopySettings> = BTreeMap::new();
    for (member, (settings, volume)) in found {
        if copies
            .values()
            .any(|other| other.preference == settings.preference)
        {
            let reason = format!("two copies have the preference {}", settings.preference);
            table.report("copies", reason);
        }
        volumes.insert(CopyId::new(name, &member), volume);
        copies.insert(member, settings);
    }
    let by_preference = copies.iter().min_by_key(|(_, copy)| copy.preference);
    let Some((active, _)) = by_preference else {
        table.report("copies", "a database has at least one copy");
        return None;
    };
    let database = Database {
        active: active.clone(),
        mounted: true,
        copies,
    };
    Some((database, volumes))
}

fn copy(table: &mut Table<'_>) -> Option<(CopySettings, VolumeId)> {
    let preference = table.required("preference", plain);
    let volume = table.table("volume", volume_id);
    let lag = |lag: Option<Duration>| lag.unwrap_or_default();
    let replay_lag = lag(table.optional("replay-lag", duration));
    let truncation_lag = lag(table.optional("truncation-lag", duration));
    let settings = CopySettings {
        preference: preference?,
        replay_lag,
        truncation_lag,
    };
    Some((settings, volume?))
}
