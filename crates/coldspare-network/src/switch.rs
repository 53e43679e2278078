//! The seam to a managed LAN switch.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};

use crate::{Error, Observed, PortStatus, SwitchPlan};

/// One managed switch. Which of its ports are managed is fixed when the handle is made.
///
/// Every call sets whole values, may be repeated, and ends within the adapter's time limit.
#[async_trait]
pub trait Switch: Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &SwitchName;

    /// Every port, uplinks included, as the switch itself reports it now: nothing is remembered.
    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error>;

    /// Makes ports pass what is wanted, if they pass what was expected.
    ///
    /// * A wanted port must be managed, else [`Error::PortUnmanaged`].
    /// * A port that is expected must be as expected, or already as wanted, else
    ///   [`Error::Conflict`]. A port that is wanted but not expected is set whatever it passes. So
    ///   a call that was cut off can be repeated as it was.
    /// * After an error other than [`Error::SwitchSilent`] nothing was changed.
    /// * A port never passes, not even on the way, a VLAN that it neither passed before nor is
    ///   wanted to pass. (One transaction where the switch has them; else the order of
    ///   [`port_change`](crate::port_change).)
    /// * Ports that are not wanted stay untouched.
    /// * A VLAN that the switch cannot carry, or keeps for parking, is [`Error::SwitchRefused`].
    ///
    /// Success means that the switch applies it, not only that it has noted it down; reading back
    /// is still the caller's duty, since switches accept and ignore.
    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error>;
}
