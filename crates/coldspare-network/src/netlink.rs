//! The host half of a guest, on Linux: its plan through rtnetlink, and its networks on the channel
//! that has a link.
//!
//! * In trunk mode a network has a tagged sub-interface on each of its channels: `c3v101` is VLAN
//!   101 on channel 3. The one that carries the network is up and has the address; the other one
//!   is down. In access mode a network has the NIC itself.
//! * Nothing is remembered: what belongs to which channel and network stands in the interfaces'
//!   aliases (`ip link` shows them), and all else is read from the kernel. So whoever comes next,
//!   after a crash say, goes on from there.
//! * An interface that gets an address is brought up with it, and announces it (gratuitous ARP,
//!   RFC 5227, 3) by the kernel's own `arp_notify`.
//! * A network without an address in the plan is brought up, and left to a DHCP client; an
//!   address with a lifetime is that client's. (One without would be taken for ours.)
//! * A NIC that was never brought up has no link to report.
//! * One thing is done at a time: whoever follows the links would else take what a plan has half
//!   made for the whole of an older one, and go back to that.
//!
//! Interfaces without our alias, and addresses on them, are left alone; so are default routes that
//! are not ours, by their protocol number.

use coldspare_names::PersonaName;
use futures::StreamExt;
use tokio::sync::Mutex;

use crate::{Error, GuestPlan, Interfaces};
use found::Found;
use kernel::Kernel;
use operation::operations;

mod found;
mod kernel;
mod operation;
#[cfg(test)]
mod tests;

/// The interfaces of the operating system that this runs in.
#[derive(Debug)]
pub struct NetlinkHost {
    persona: PersonaName,
    /// Held from the look at it to the last change that follows from the look.
    kernel: Mutex<Kernel>,
}

impl NetlinkHost {
    /// The interfaces of the network namespace of this thread, where that persona runs. It belongs
    /// to the tokio runtime in which it is made.
    pub fn new(persona: PersonaName) -> Result<Self, Error> {
        match Kernel::new() {
            Ok(kernel) => Ok(Self {
                persona,
                kernel: Mutex::new(kernel),
            }),
            Err(error) => Err(Error::GuestSilent {
                persona,
                source: Some(error.into()),
            }),
        }
    }

    /// The interfaces as the kernel has them.
    pub async fn interfaces(&self) -> Result<Interfaces, Error> {
        let kernel = self.kernel.lock().await;
        Ok(self.look(&kernel).await?.interfaces())
    }

    /// Makes the interfaces as planned, whole. A plan for a NIC that is not here is refused, and
    /// nothing of it is done.
    pub async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error> {
        let kernel = self.kernel.lock().await;
        let found = self.look(&kernel).await?;
        self.make(&kernel, &found, plan).await
    }

    /// Puts each network on the channel that should carry it now.
    pub async fn fail_over(&self) -> Result<(), Error> {
        let kernel = self.kernel.lock().await;
        let found = self.look(&kernel).await?;
        self.make(&kernel, &found, &found.interfaces().configured)
            .await
    }

    async fn look(&self, kernel: &Kernel) -> Result<Found, Error> {
        kernel.look().await.map_err(|error| self.silent(error))
    }

    async fn make(&self, kernel: &Kernel, found: &Found, plan: &GuestPlan) -> Result<(), Error> {
        let operations = operations(found, plan).map_err(|reason| Error::GuestRefused {
            persona: self.persona.clone(),
            reason,
            try_again: false,
        })?;
        for operation in &operations {
            let done = kernel.perform(operation).await;
            done.map_err(|error| self.silent(error))?;
        }
        Ok(())
    }

    /// Fails over whenever a link changes, for as long as it is polled; returns only what went
    /// wrong.
    pub async fn follow_links(&self) -> Error {
        let mut changes = match kernel::link_changes() {
            Ok(changes) => changes,
            Err(error) => return self.silent(error),
        };
        loop {
            if let Err(error) = self.fail_over().await {
                return error;
            }
            if changes.next().await.is_none() {
                return self.silent(rtnetlink::Error::RequestFailed);
            }
            // One look answers all that has changed by now.
            while changes.try_recv().is_ok() {}
        }
    }

    fn silent(&self, source: impl Into<crate::Source>) -> Error {
        Error::GuestSilent {
            persona: self.persona.clone(),
            source: Some(source.into()),
        }
    }
}
