//! Taking and giving: a server is shut out of an array, or admitted to a volume.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_names::{ArrayName, Generation, ServerName, VolumeName};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::{Admission, Admissions, Array, Error, Leftover, Refusal, Session, ShutOut};

/// How often a change is tried again that met somebody else's.
const TRIES: usize = 4;

/// The first pause until the sessions are looked at again; each is twice the one before.
const SOON: Duration = Duration::from_millis(10);

/// How long to wait until the last session is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Give up after that.
    pub limit: Duration,
    /// The longest pause between two looks. The first ones follow each other sooner: most sessions
    /// are gone within milliseconds.
    pub pause: Duration,
}

/// What was seen on an array when a server was shut out of it.
///
/// Only [`shut_out`] and [`read_shut_out`] make it, from what they read; it is written to
/// journals, but never read from them: after a restart, look again.
///
/// ```compile_fail,E0277
/// # let journal = "{}";
/// let stored: coldspare_san::ShutOutEvidence = serde_json::from_str(journal).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShutOutEvidence {
    array: ArrayName,
    server: ServerName,
    up_to: Generation,
    stamps: BTreeMap<VolumeName, Generation>,
    read: usize,
    lasting: bool,
}

impl ShutOutEvidence {
    /// The array.
    pub fn array(&self) -> &ArrayName {
        &self.array
    }

    /// The server that can no longer log in to it.
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// The last generation for which that is so.
    pub fn up_to(&self) -> Generation {
        self.up_to
    }

    /// The stamps that the persona's volumes carry. One above the persona's newest generation
    /// means that the array knows more than the record: a restored backup.
    pub fn stamps(&self) -> &BTreeMap<VolumeName, Generation> {
        &self.stamps
    }

    /// How many volumes the array has: every one was looked at.
    pub fn read(&self) -> usize {
        self.read
    }

    /// Whether it stays so when the persona's initiator name is admitted for another server: only
    /// on an array that binds ([`ArrayTraits::binds`](crate::ArrayTraits::binds)). Otherwise the
    /// old server must stay off.
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }
}

/// Shuts a server out of an array: revokes its admissions, stamps the persona's volumes, drops
/// its sessions, waits until the last is gone, and reads everything back.
///
/// May be repeated, and goes on where an interrupted one stopped. When some volumes cannot be
/// changed the others are, its sessions are dropped once, and [`Error::Incomplete`] says which.
pub async fn shut_out(
    array: &dyn Array,
    request: &ShutOut,
    patience: Patience,
) -> Result<ShutOutEvidence, Error> {
    let (failures, unchanged) = revoke(array, request).await?;
    if !failures.is_empty() {
        // What this one says is not worth more than the failures, volume by volume.
        let _ = drop_old(array, request).await;
        return Err(Error::Incomplete {
            array: array.name().clone(),
            failures,
        });
    }
    let gone = async {
        let mut pause = SOON;
        loop {
            if let Some(others) = drop_old(array, request).await? {
                return Ok(others);
            }
            pause = pause.min(patience.pause);
            sleep(pause).await;
            pause *= 2;
        }
    };
    // Out of time: reading back says what is left.
    let others = timeout(patience.limit, gone).await.ok().transpose()?;
    match unchanged.zip(others) {
        // It is as it was read: many servers are shut out of arrays that never admitted them, and
        // each reading is a list of all that the array has.
        Some((admissions, sessions)) => evidence(array, request, &admissions, &sessions),
        None => read_shut_out(array, request).await,
    }
}

/// Revokes and stamps, volume by volume; what met another caller's change is decided again. Gives
/// what failed; and what was read, if nothing of it had to be changed.
async fn revoke(array: &dyn Array, request: &ShutOut) -> Result<Revoked, Error> {
    let mut failures = BTreeMap::new();
    for _ in 0..TRIES {
        failures.clear();
        let all = array.admissions().await?;
        let mut is_changed = false;
        for (volume, found) in &all {
            let Some(wanted) = request.revoke(volume, found) else {
                continue;
            };
            is_changed = true;
            if let Err(error) = array.set_admissions(volume, found, &wanted).await {
                failures.insert(volume.clone(), error);
            }
        }
        if !is_changed {
            return Ok((failures, Some(all)));
        }
        if !failures.values().any(is_conflict) {
            break;
        }
    }
    Ok((failures, None))
}

type Revoked = (
    BTreeMap<VolumeName, Error>,
    Option<BTreeMap<VolumeName, Admissions>>,
);

/// Drops the old server's sessions; if there was none, all that there were.
async fn drop_old(array: &dyn Array, request: &ShutOut) -> Result<Option<Vec<Session>>, Error> {
    let sessions = array.sessions().await?;
    let old = sessions.iter().filter(|session| request.is_old(session));
    let old: Vec<_> = old.map(|session| session.id.clone()).collect();
    if old.is_empty() {
        return Ok(Some(sessions));
    }
    tracing::debug!(array = %array.name(), server = %request.server, sessions = old.len(), "dropping");
    array.drop_sessions(&old).await?;
    Ok(None)
}

/// Only looks whether a server is shut out of an array, and changes nothing.
pub async fn read_shut_out(array: &dyn Array, request: &ShutOut) -> Result<ShutOutEvidence, Error> {
    // In this order: who could still log in before the first call shows up in the second.
    let admissions = array.admissions().await?;
    let sessions = array.sessions().await?;
    evidence(array, request, &admissions, &sessions)
}

/// What these show, the sessions listed after the admissions.
fn evidence(
    array: &dyn Array,
    request: &ShutOut,
    admissions: &BTreeMap<VolumeName, Admissions>,
    sessions: &[Session],
) -> Result<ShutOutEvidence, Error> {
    let traits = array.traits();
    let leftovers: Vec<Leftover> = request.leftovers(traits, admissions, sessions);
    if !leftovers.is_empty() {
        return Err(Error::NotShutOut {
            array: array.name().clone(),
            leftovers,
        });
    }
    let stamped = admissions
        .iter()
        .filter(|(volume, _)| request.volumes.contains(*volume));
    Ok(ShutOutEvidence {
        array: array.name().clone(),
        server: request.server.clone(),
        up_to: request.up_to,
        stamps: stamped
            .map(|(volume, found)| (volume.clone(), found.stamp))
            .collect(),
        read: admissions.len(),
        lasting: traits.binds(),
    })
}

/// Admits a server to a volume and reads it back. Its own older admissions go, the volume is
/// stamped with its generation; an admission older than the stamp is refused
/// ([`Refusal::Stale`]).
///
/// Whether the server *may* be admitted is for the caller to know.
pub async fn admit(
    array: &dyn Array,
    volume: &VolumeName,
    admission: &Admission,
) -> Result<(), Error> {
    let mut tries = TRIES;
    loop {
        let found = admissions_of(array, volume).await?;
        let wanted = found.admitting(admission);
        let set = array.set_admissions(volume, &found, &wanted).await;
        tries -= 1;
        match set {
            Err(error) if is_conflict(&error) && tries > 0 => {}
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    if admissions_of(array, volume)
        .await?
        .admitted
        .contains(admission)
    {
        return Ok(());
    }
    Err(Error::NotKept {
        array: array.name().clone(),
        volume: volume.clone(),
    })
}

async fn admissions_of(array: &dyn Array, volume: &VolumeName) -> Result<Admissions, Error> {
    array
        .admissions()
        .await?
        .remove(volume)
        .ok_or_else(|| Error::Refused {
            array: array.name().clone(),
            volume: volume.clone(),
            refusal: Refusal::Unknown,
        })
}

fn is_conflict(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            refusal: Refusal::Conflict(_),
            ..
        }
    )
}

#[cfg(test)]
mod tests;
