//! A management controller that speaks IPMI 2.0 over the LAN.
//!
//! The words on the wire are those of Debian's `ipmitool`, run as a process for each call and ended
//! with us (`setpriv`). It checks session, sequence and authentication code of every answer, and a
//! power reading needs that; the Rust library that is kept, `ipmi-rs` 0.6, does not check that an
//! answer belongs to the question, sends nothing again, and panics where a controller chooses
//! another cipher suite than 3. Of `ipmitool` only *raw* requests are used, because its readable
//! reports print a power state even where the controller sent none.

mod access;
mod ipmitool;
mod reply;

use std::fmt;

use async_trait::async_trait;
use coldspare_names::ServerName;

pub use access::{CipherSuite, GuidOrder, IpmiAccess, IpmiUser, IpmiUserError};
use ipmitool::Request;
use reply::Failure;

use crate::{
    Bmc, BootSource, Error, Identity, Inventory, PowerCommand, Reading, RestorePolicy, Settings,
};

/// Get System GUID (IPMI 2.0 section 22.14).
const GUID: Request = Request(&[0x06, 0x37]);
/// Get Chassis Status (section 28.2).
const STATUS: Request = Request(&[0x00, 0x01]);

/// A management controller, reached over IPMI by the Debian packages `ipmitool` and `util-linux`.
///
/// What IPMI is like, and what follows:
///
/// * The identity is the system GUID. Makers store it in three orders of bytes, and none shows
///   which: [`GuidOrder`] says it, once for each machine. A wrong one reads as another machine.
/// * All requests of a call go through one session, so identity and power are of one controller.
///   The session proves the password in both directions.
/// * There are no iSCSI boot settings, in any controller.
/// * The restore policy reads with the power; setting it is optional. A controller that cannot set
///   it keeps the policy that it reads: asking for that one succeeds, any other is
///   [`Error::Unsupported`]. So it is with OpenIPMI's simulator.
/// * A call that was given up leaves a session behind, which the controller ends after a minute;
///   controllers have few.
///
/// ```no_run
/// use std::time::Duration;
/// use coldspare_bmc::{CipherSuite, GuidOrder, Ipmi, IpmiAccess, IpmiUser};
///
/// let access = IpmiAccess {
///     address: "10.0.4.11:623".parse()?,
///     user: IpmiUser::new("coldspare", std::env::var("BMC_PASSWORD")?.into())?,
///     cipher_suite: CipherSuite::Sha256,
///     guid_order: GuidOrder::Smbios,
///     limit: Duration::from_secs(5),
/// };
/// let bmc = Ipmi::new("r720-1".parse()?, access);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ipmi {
    server: ServerName,
    access: IpmiAccess,
}

impl Ipmi {
    /// The controller of that server.
    pub const fn new(server: ServerName, access: IpmiAccess) -> Self {
        Self { server, access }
    }

    async fn ask<const N: usize>(
        &self,
        request: &str,
        requests: [Request; N],
    ) -> Result<[Vec<u8>; N], Error> {
        let answers = ipmitool::ask(&self.access, requests).await;
        answers.map_err(|failure| self.failed(request, failure))
    }

    fn failed(&self, request: &str, failure: Failure) -> Error {
        let server = self.server.clone();
        match failure {
            Failure::NoTool(tool, source) => Error::NoTool {
                server,
                tool,
                source,
            },
            Failure::NoAnswer(source) => Error::NoAnswer { server, source },
            Failure::Denied(source) => Error::Denied { server, source },
            Failure::Refused { reason, retry, .. } => Error::Refused {
                server,
                request: request.to_string(),
                reason,
                retry,
            },
            Failure::Unreadable(reason) => Error::Unreadable { server, reason },
        }
    }

    fn unreadable(&self, reason: &str) -> Error {
        self.failed("", Failure::Unreadable(reason.to_owned()))
    }

    fn unsupported(&self, setting: &'static str) -> Error {
        Error::Unsupported {
            server: self.server.clone(),
            setting,
        }
    }
}

#[async_trait]
impl Bmc for Ipmi {
    async fn read(&self) -> Result<Reading, Error> {
        let [guid, status] = self.ask("tell its power", [GUID, STATUS]).await?;
        let uuid = self.access.guid_order.uuid(&guid);
        let uuid = uuid.ok_or_else(|| self.unreadable("a GUID that has not 16 bytes"))?;
        let power = reply::power(&status);
        Ok(Reading {
            identity: Identity::of_uuid(uuid),
            power: power.ok_or_else(|| self.unreadable("a chassis status of a wrong length"))?,
        })
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), Error> {
        // Chassis Control (section 28.3).
        let request = Request(match command {
            PowerCommand::ForceOff => &[0x00, 0x02, 0],
            PowerCommand::On => &[0x00, 0x02, 1],
            PowerCommand::ShutDown => &[0x00, 0x02, 5],
        });
        self.ask(&command.to_string(), [request]).await?;
        Ok(())
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let [status] = self.ask("tell its restore policy", [STATUS]).await?;
        let restore = reply::restore_policy(&status);
        Ok(Settings {
            boot: None,
            restore: restore
                .ok_or_else(|| self.unreadable("a chassis status of a wrong length"))?,
        })
    }

    async fn set_boot(&self, _: &BootSource) -> Result<(), Error> {
        Err(self.unsupported("iSCSI boot settings"))
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        // Set Power Restore Policy (section 28.8).
        let request = Request(match policy {
            RestorePolicy::AlwaysOff => &[0x00, 0x06, 0],
            RestorePolicy::LastState => &[0x00, 0x06, 1],
            RestorePolicy::AlwaysOn => &[0x00, 0x06, 2],
        });
        match ipmitool::ask(&self.access, [request]).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused {
                code: Some(reply::NO_SUCH_COMMAND | reply::NO_SUCH_VALUE),
                ..
            }) => match self.settings().await?.restore {
                Some(fixed) if fixed == policy => Ok(()),
                _ => Err(self.unsupported("such restore policy")),
            },
            Err(failure) => Err(self.failed("set the restore policy", failure)),
        }
    }

    /// The GUID alone: maker and model stand in free text that differs from maker to maker.
    async fn inventory(&self) -> Result<Inventory, Error> {
        Ok(Inventory::of(self.read().await?.identity))
    }
}

impl fmt::Debug for Ipmi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ipmi")
            .field("server", &self.server)
            .field("address", &self.access.address)
            .finish_non_exhaustive()
    }
}
