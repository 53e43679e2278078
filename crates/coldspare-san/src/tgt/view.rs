//! What the record and tgtd together say, in the words of the seam. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coldspare_names::{Generation, IscsiName, VolumeName};

use super::UNIT;
use super::plan::{Leaving, Wanted};
use super::record::Entry;
use super::shown::{Connection, Target};
use crate::secret::guard;
use crate::{
    Admission, Admissions, LastWrite, Lun, Origin, SecretKey, Session, SessionId, Size, Volume,
    chap,
};

/// What the target of a recorded volume is to be; of what others made there, `gone` is to go.
pub(super) fn wanted(
    key: &SecretKey,
    target: &IscsiName,
    image: &Path,
    identity: &str,
    entry: &Entry,
    gone: &BTreeSet<String>,
) -> Wanted {
    let account = |admission: &Admission| {
        let Admission {
            initiator,
            server,
            generation,
            ..
        } = admission;
        chap(key, initiator, server, *generation)
    };
    let name = |admission: &Admission| admission.initiator.to_string();
    let accounts: Vec<_> = entry.admitted.iter().map(account).collect();
    let initiators: BTreeSet<_> = entry.admitted.iter().map(name).collect();
    let revoked = entry.revoked.iter();
    let mut leaving = Leaving {
        accounts: revoked
            .clone()
            .map(|admission| account(admission).user)
            .collect(),
        rules: revoked.map(name).collect(),
    };
    for words in gone {
        match words.split_once(' ') {
            Some(("account", user)) => leaving.accounts.insert(user.to_owned()),
            Some(("rule", rule)) => leaving.rules.insert(rule.to_owned()),
            _ => false,
        };
    }
    leaving.rules.retain(|rule| !initiators.contains(rule));
    for account in &accounts {
        leaving.accounts.remove(&account.user);
    }
    Wanted {
        name: target.to_string(),
        number: entry.number,
        image: image.to_string_lossy().into_owned(),
        identity: identity.to_owned(),
        guard: guard(key, target),
        accounts,
        initiators,
        leaving,
    }
}

/// The volume of an entry.
pub(super) fn volume(name: &VolumeName, target: IscsiName, entry: &Entry) -> Volume {
    Volume {
        name: name.clone(),
        size: entry.size,
        thin: entry.thin,
        target,
        lun: Lun::new(UNIT),
        origin: entry.origin.clone(),
    }
}

/// A volume that others made, past this adapter: called after its target.
pub(super) fn foreign_volume(target: &Target) -> Option<Volume> {
    let unit = target.units.first()?;
    Some(Volume {
        name: foreign_name(target),
        size: Size::bytes(unit.mebibytes << 20).or(Size::bytes(1))?,
        thin: unit.thin,
        target: IscsiName::new(&target.name).ok()?,
        lun: Lun::new(unit.number),
        origin: Origin::Blank,
    })
}

/// What a target that others made is called as a volume.
pub(super) fn foreign_name(target: &Target) -> VolumeName {
    let number = || format!("target {}", target.number);
    VolumeName::new(&target.name)
        .or_else(|_| VolumeName::new(number()))
        .expect("a word and a number make a name")
}

/// Who may log in to a recorded volume.
pub(super) fn admissions(entry: &Entry, wanted: &Wanted, target: Option<&Target>) -> Admissions {
    let ours = |user: &str| {
        user == wanted.guard.user || wanted.accounts.iter().any(|account| account.user == *user)
    };
    let foreign =
        target.map(|target| foreign(target, ours, |rule| wanted.initiators.contains(rule)));
    Admissions {
        stamp: entry.stamp,
        admitted: entry.admitted.clone(),
        foreign: foreign.unwrap_or_default(),
    }
}

/// Who may log in to a volume that others made: as far as we know, whoever its rules let in.
pub(super) fn foreign_admissions(target: &Target) -> Admissions {
    Admissions {
        stamp: Generation::NONE,
        admitted: BTreeSet::new(),
        foreign: foreign(target, |_| false, |_| false),
    }
}

fn foreign(
    target: &Target,
    is_ours: impl Fn(&str) -> bool,
    is_our_rule: impl Fn(&str) -> bool,
) -> BTreeSet<String> {
    let accounts = target.accounts.iter().filter(|user| !is_ours(user));
    let rules = target.rules.iter().filter(|rule| !is_our_rule(rule));
    let accounts = accounts.map(|user| format!("account {user}"));
    accounts
        .chain(rules.map(|rule| format!("rule {rule}")))
        .collect()
}

/// The sessions of one target, one for each connection. `written`: when its image was written to.
pub(super) fn sessions(
    volume: &VolumeName,
    target: &Target,
    admitted: &BTreeSet<Admission>,
    incarnation: u64,
    written: LastWrite,
) -> Vec<Session> {
    let each = target.connections.iter();
    // The image tells when it was written to, and not by whom: with two servers nobody knows.
    let first = target
        .connections
        .first()
        .map(|connection| connection.source);
    let alone = each
        .clone()
        .all(|connection| Some(connection.source) == first);
    let one_server = admitted.iter().any(|admission| {
        let addresses = &admission.addresses;
        each.clone()
            .all(|connection| addresses.contains(&connection.source))
    });
    let last_write = if alone || one_server {
        written
    } else {
        LastWrite::Unknown
    };
    each.map(|connection| Session {
        id: session_id(incarnation, target, connection),
        volume: volume.clone(),
        initiator: connection.initiator.clone(),
        source: connection.source,
        generation: None,
        opened: None,
        last_write,
    })
    .collect()
}

/// tgtd counts sessions from 1 again when it restarts, so its incarnation is part of the name.
pub(super) fn session_id(incarnation: u64, target: &Target, connection: &Connection) -> SessionId {
    let Connection {
        session, number, ..
    } = connection;
    SessionId::new(format!(
        "{incarnation:x}-{}-{session}-{number}",
        target.number
    ))
}

/// Targets by their name.
pub(super) fn by_name(shown: &[Target]) -> BTreeMap<&str, &Target> {
    shown.iter().map(|target| (&*target.name, target)).collect()
}
