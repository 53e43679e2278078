//! Setting what a machine boots so that the outcome is known: identity first, then the settings,
//! then a reading of them.

use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::power_control::SHORTEST_POLL;
use crate::unmet::same_machine;
use crate::{
    ArmedBoot, Bmc, BootSource, Error, Identity, NotSet, RestorePolicy, Settings, Timing, Unmet,
};

/// Evidence that a machine boots nothing by itself: the expected identity, no boot source and the
/// restore policy *always off*, read back. Only this crate makes one, and it cannot be read back
/// from a file.
///
/// ```compile_fail
/// fn read_back<T: serde::de::DeserializeOwned>() {}
/// read_back::<coldspare_bmc::Disarmed>();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Disarmed {
    identity: Identity,
}

impl Disarmed {
    /// Which machine is disarmed.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// Makes the machine forget what to boot, and stay off when its mains return.
///
/// A machine whose controller lacks one of the two settings gets the other, and is not disarmed.
pub async fn disarm(
    bmc: &dyn Bmc,
    expected: &Identity,
    timing: &Timing,
) -> Result<Disarmed, NotSet> {
    let wanted = Wanted {
        boot: &BootSource::Nothing,
        restore: RestorePolicy::AlwaysOff,
        needs_restore: true,
    };
    set(bmc, expected, &wanted, timing).await?;
    Ok(Disarmed {
        identity: expected.clone(),
    })
}

/// Makes the machine boot that source when it is turned on, and says what reads back. From now on
/// it is after a power failure what it was before ([`RestorePolicy::LastState`]), where its
/// controller has such a setting: a home whose power returns comes back by itself, and one that is
/// only armed stays off.
pub async fn arm(
    bmc: &dyn Bmc,
    expected: &Identity,
    source: &BootSource,
    timing: &Timing,
) -> Result<Settings, NotSet> {
    let wanted = Wanted {
        boot: source,
        restore: RestorePolicy::LastState,
        needs_restore: false,
    };
    set(bmc, expected, &wanted, timing).await
}

/// What is to be set.
struct Wanted<'a> {
    boot: &'a BootSource,
    restore: RestorePolicy,
    /// Whether it is no use without the restore policy.
    needs_restore: bool,
}

impl Wanted<'_> {
    /// Sets everything, also when a part of it fails.
    async fn send(&self, bmc: &dyn Bmc) -> Result<(), Error> {
        let boot = bmc.set_boot(self.boot).await;
        match bmc.set_restore_policy(self.restore).await {
            Err(Error::Unsupported { .. }) if !self.needs_restore => {}
            set => set?,
        }
        boot
    }

    fn is(&self, armed: &ArmedBoot, settings: &Settings) -> bool {
        settings.boot.as_ref() == Some(armed)
            && (!self.needs_restore || settings.restore == Some(self.restore))
    }
}

async fn set(
    bmc: &dyn Bmc,
    expected: &Identity,
    wanted: &Wanted<'_>,
    timing: &Timing,
) -> Result<Settings, NotSet> {
    let armed = wanted.boot.armed();
    let mut last = Unmet::TooSlow;
    let reach = async {
        let mut sent = false;
        loop {
            match set_once(bmc, expected, wanted, &mut sent).await {
                Ok(settings) if wanted.is(&armed, &settings) => return Ok(settings),
                Ok(settings) => last = Unmet::Reads(settings),
                Err(Unmet::Failed(error)) if error.may_retry() => last = Unmet::Failed(error),
                Err(hopeless) => return Err(hopeless),
            }
            sleep(timing.poll.max(SHORTEST_POLL)).await;
        }
    };
    let reached = timeout(timing.limit, reach).await;
    reached.unwrap_or(Err(last))
}

/// Sends what has not been accepted yet and reads the settings, both between two looks at the
/// identity, because settings do not say whose they are.
async fn set_once(
    bmc: &dyn Bmc,
    expected: &Identity,
    wanted: &Wanted<'_>,
    sent: &mut bool,
) -> Result<Settings, NotSet> {
    same_machine(&bmc.read().await?.identity, expected)?;
    if !*sent {
        wanted.send(bmc).await?;
        *sent = true;
    }
    let settings = bmc.settings().await?;
    same_machine(&bmc.read().await?.identity, expected)?;
    Ok(settings)
}

#[cfg(test)]
mod tests;
