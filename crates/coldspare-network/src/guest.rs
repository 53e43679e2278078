//! The seam to a persona's operating system, through the agent that runs in it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use coldspare_names::{Channel, NetworkName, PersonaName};
use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};

use crate::{Error, GuestPlan, Link};

/// A NIC as the operating system sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Its address.
    pub mac: MacAddr6,
    /// Whether its cable leads anywhere.
    pub link: Link,
}

/// The network settings of a running persona, as its operating system has them now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interfaces {
    /// Its NICs, those that no network uses included.
    pub nics: Vec<Nic>,
    /// What is configured, in the shape of a plan; as it booted, nothing is.
    pub configured: GuestPlan,
    /// Which channel carries each network now; a network that is cut off is missing. A change is
    /// a channel failover, or the return from one.
    pub carriers: BTreeMap<NetworkName, Channel>,
}

/// One running persona.
#[async_trait]
pub trait Guest: Debug + Send + Sync {
    /// Its name.
    fn persona(&self) -> &PersonaName;

    /// Its interfaces, read from the operating system: nothing is remembered.
    async fn interfaces(&self) -> Result<Interfaces, Error>;

    /// Makes its interfaces as planned, whole; what is not ours stays untouched. May be repeated:
    /// interfaces that are as planned already are not disturbed. The guest then keeps each network
    /// on the channel that [`carriers`](crate::carriers) names, by itself.
    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error>;

    /// Asks for an orderly shut-down and returns when the operating system has begun it; that it
    /// ended is for the management controller to tell. May be repeated.
    async fn shut_down(&self) -> Result<(), Error>;
}
