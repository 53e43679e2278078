//! The parts of a group, read from the rows of the cmdlets.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use super::{BadInput, Cell};
use crate::{
    CopyId, CopySettings, CopyState, Database, DatabaseName, LogPositions, Member, MemberName,
    MemberPolicy, NodeState, QueueLength, Version,
};

/// The version that the first server with one prints: `Version 15.2 (Build 986.5)`.
///
/// That 2013 has its second cumulative update from build 712 on, and that Subscription Edition is
/// 15.2 from build 2562 on, is from general knowledge.
pub(super) fn version(servers: &[Cell<'_>]) -> Result<Version, BadInput> {
    for server in servers {
        let cell = server.field("AdminDisplayVersion");
        let Some(text) = cell.text()? else { continue };
        let numbers: Vec<u32> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        return match numbers[..] {
            [14, ..] => Ok(Version::V2010),
            [15, 0, build, ..] if build < 712 => Ok(Version::V2013Cu1),
            [15, 0, ..] => Ok(Version::V2013),
            [15, 1, ..] => Ok(Version::V2016),
            [15, 2, build, ..] if build >= 2562 => Ok(Version::SubscriptionEdition),
            [15, 2, ..] => Ok(Version::V2019),
            _ => Err(cell.bad("it is no version of Exchange from 2010 on")),
        };
    }
    let path = "MailboxServers".to_owned();
    let reason = "no server has an AdminDisplayVersion".to_owned();
    Err(BadInput { path, reason })
}

pub(super) fn member(server: &Cell<'_>, node: NodeState) -> Result<Member, BadInput> {
    let maximum = |name: &str| -> Result<Option<u32>, BadInput> {
        let cell = server.field(name);
        let number = cell.number()?;
        number
            .map(|number| u32::try_from(number).map_err(|_| cell.bad("it is too large")))
            .transpose()
    };
    let site = server
        .field("Site")
        .text()?
        .unwrap_or_else(|| "Default".to_owned());
    let site = site.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Member {
        site: site
            .parse()
            .map_err(|error| server.field("Site").bad(error))?,
        edition: edition(server)?,
        node,
        policy: MemberPolicy {
            activation: server
                .field("DatabaseCopyAutoActivationPolicy")
                .value()?
                .unwrap_or_default(),
            disabled_and_move_now: server
                .field("DatabaseCopyActivationDisabledAndMoveNow")
                .flag()?
                .unwrap_or_default(),
            maximum_active: maximum("MaximumActiveDatabases")?,
            maximum_preferred: maximum("MaximumPreferredActiveDatabases")?,
            dial: server
                .field("AutoDatabaseMountDial")
                .value()?
                .unwrap_or_default(),
        },
    })
}

/// `Standard`, `StandardEvaluation`, `Enterprise` and so on.
fn edition(server: &Cell<'_>) -> Result<crate::Edition, BadInput> {
    let text = server.field("Edition").text()?.unwrap_or_default();
    if text.starts_with("Standard") {
        return Ok(crate::Edition::Standard);
    }
    Ok(crate::Edition::Enterprise)
}

/// A dictionary by server: a list of keys and values.
fn by_server(cell: &Cell<'_>) -> Result<Vec<(MemberName, String, u64)>, BadInput> {
    let mut rows = Vec::new();
    for row in cell.list() {
        let value = row.field("Value");
        let number = value.number().unwrap_or_default().unwrap_or_default();
        let text = value.text().unwrap_or_default().unwrap_or_default();
        rows.push((row.field("Key").required()?, text, number));
    }
    Ok(rows)
}

pub(super) fn database(
    row: &Cell<'_>,
    name: &DatabaseName,
    states: &BTreeMap<CopyId, CopyState>,
) -> Result<Database, BadInput> {
    let preferences = row.field("ActivationPreference");
    let mut copies = BTreeMap::new();
    for (member, _, number) in by_server(&preferences)? {
        let preference = u8::try_from(number).ok().and_then(NonZeroU8::new);
        let expected = "an activation preference is a number from 1 on";
        let preference = preference.ok_or_else(|| preferences.bad(expected))?;
        copies.insert(member, CopySettings::preferred(preference));
    }
    for lag in ["ReplayLagTimes", "TruncationLagTimes"] {
        for entry in row.field(lag).list() {
            let member: MemberName = entry.field("Key").required()?;
            let time = entry.field("Value").duration()?.unwrap_or(Duration::ZERO);
            let Some(copy) = copies.get_mut(&member) else {
                return Err(entry.field("Key").bad("there is no copy on that server"));
            };
            match lag {
                "ReplayLagTimes" => copy.replay_lag = time,
                _ => copy.truncation_lag = time,
            }
        }
    }
    let active = match row.field("MountedOnServer").parsed()? {
        Some(active) => active,
        None => row.field("Server").required()?,
    };
    let of_copy = || {
        let state = states.get(&CopyId::new(name, &active));
        state.is_some_and(|state| state.status == crate::CopyStatus::Mounted)
    };
    let mounted = row.field("Mounted").flag()?.unwrap_or_else(of_copy);
    Ok(Database {
        active,
        mounted,
        copies,
    })
}

/// `Enabled:False; PlayDownReason:None; …; Configured:7.00:00:00; …`: the form that administrators
/// have printed. A copy that has no lag prints `Enabled:False` too.
fn replay_lag_off(row: &Cell<'_>) -> Result<bool, BadInput> {
    let text = row.field("ReplayLagStatus").text()?.unwrap_or_default();
    let says = |part: &str| text.split(';').any(|said| said.trim() == part);
    Ok(says("Enabled:False") && !says("Configured:00:00:00"))
}

pub(super) fn copy(row: &Cell<'_>) -> Result<CopyState, BadInput> {
    let number = |name: &str| row.field(name).number();
    let queue = |name: &str| -> Result<QueueLength, BadInput> { Ok(number(name)?.into()) };
    let logs = match number("LastLogGenerated")? {
        None => None,
        Some(generated) => Some(LogPositions {
            generated,
            notified: number("LastLogCopyNotified")?.unwrap_or(generated),
            copied: number("LastLogCopied")?.unwrap_or_default(),
            inspected: number("LastLogInspected")?.unwrap_or_default(),
            replayed: number("LastLogReplayed")?.unwrap_or_default(),
        }),
    };
    Ok(CopyState {
        copy: row.field("Identity").required()?,
        status: row.field("Status").required()?,
        active: false,
        activation_suspended: row.field("ActivationSuspended").flag()?.unwrap_or_default(),
        suspend_comment: row.field("SuspendComment").text()?,
        replay_lag_off: replay_lag_off(row)?,
        error: row.field("ErrorMessage").text()?,
        content_index: row.field("ContentIndexState").parsed()?.unwrap_or_default(),
        copy_queue: queue("CopyQueueLength")?,
        replay_queue: queue("ReplayQueueLength")?,
        logs,
    })
}
