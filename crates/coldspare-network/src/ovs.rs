//! A real Open vSwitch, over its database's own protocol (OVSDB, RFC 7047).
//!
//! What was measured on Open vSwitch 3.1 with its user-space datapath, and what follows from it:
//!
//! * A port that nobody configured passes every VLAN. So all columns that decide what a port
//!   passes are written together, and what is not exactly as this adapter writes it is
//!   [`Foreign`](Observed::Foreign).
//! * A **parked** port is a protected trunk of VLAN 4095 alone. That number is reserved: no host
//!   may send it (IEEE 802.1Q, 9.6) and no network can have it, so nothing of ours passes, tagged
//!   or not, and no VLAN of the site is used up for parking. Protected ports pass nothing to each
//!   other, not even 4095; an uplink that passes every VLAN passes 4095, too.
//! * `cur_cfg` is no barrier: after it had caught up, frames of the old VLAN passed for up to
//!   4 ms, on a busy machine for 270 ms, by decisions that the datapath had cached. So a change
//!   is waited for twice over (the second time its successor is in force), and then for the cache:
//!   see [`Settling`].
//! * An update that matches no row is no error. So rows are pinned by `wait`, and counted.
//! * Mirrors, and flows put in by hand (`ovs-ofctl`), are not ports' settings: the adapter does
//!   not see them. A bridge with an `OpenFlow` controller makes every port foreign.
//!
//! Each call has a connection of its own: there is nothing to keep alive, to share or to repair,
//! and what a call has not finished, closing its connection ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{PortId, PortName, SwitchName};

use crate::{Error, Link, Observed, PortStatus, Switch, SwitchPlan};
use columns::Bridge;
use failure::Failure;
use session::Session;

mod columns;
mod connection;
mod endpoint;
mod failure;
mod framer;
mod message;
mod request;
mod session;
#[cfg(test)]
mod tests;

pub use endpoint::{BadEndpoint, Endpoint};

/// Where a bridge is, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where its database listens.
    pub endpoint: Endpoint,
    /// What it is called.
    pub bridge: String,
    /// How cached forwarding decisions are waited out.
    pub settling: Settling,
    /// How long a call may take in all; an effect may land up to then, also when the caller has
    /// given up before.
    pub time_limit: Duration,
}

/// How a change is known to hold for every frame: the datapath caches decisions, and looks at them
/// anew in its own time after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settling {
    /// Have the daemon on this machine forget them, through its control socket
    /// (`ovs-appctl revalidator/purge`): takes about 2 ms.
    Purge(PathBuf),
    /// Wait that long. The daemon looks at all of them at least every 500 ms (its
    /// `max-revalidator`) unless its machine is overloaded.
    Pause(Duration),
}

/// How often a change is tried anew because somebody else changed a port between look and change.
const TRIES: usize = 5;

/// One bridge of an Open vSwitch.
#[derive(Debug, Clone)]
pub struct OvsSwitch {
    name: SwitchName,
    settings: Settings,
    managed: BTreeSet<PortName>,
}

impl OvsSwitch {
    /// The bridge, of which these ports may be set and no others.
    pub fn new(
        name: SwitchName,
        settings: Settings,
        managed: impl IntoIterator<Item = PortName>,
    ) -> Self {
        let managed = managed.into_iter().collect();
        Self {
            name,
            settings,
            managed,
        }
    }

    async fn read(&self) -> Result<BTreeMap<PortName, PortStatus>, Failure> {
        let mut session = self.session().await?;
        let found = session.look(&self.settings.bridge).await?;
        session.in_force().await?;
        let up = session.links_up().await?;
        let status = |(name, port): (&PortName, &columns::Port)| {
            let is_up = port.interfaces.0.iter().any(|one| up.contains(one));
            let status = PortStatus {
                observed: observed(&found, port),
                link: if is_up { Link::Up } else { Link::Down },
                managed: self.managed.contains(name),
            };
            (name.clone(), status)
        };
        Ok(found.ports.iter().map(status).collect())
    }

    /// Makes the change, if it may be made. Unless it fails, it is not yet in force everywhere.
    async fn change(
        &self,
        session: &mut Session,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let look = session.look(&self.settings.bridge).await;
            let found = look.map_err(|failure| self.error(failure))?;
            self.refuse(&found, expected, wanted)?;
            let transaction = request::change(&self.settings.bridge, &found, expected, wanted);
            match session.change(transaction).await {
                Err(failure) if failure.is_false_wait() => {}
                outcome => return outcome.map_err(|failure| self.error(failure)),
            }
        }
        Err(Error::SwitchRefused {
            switch: self.name.clone(),
            reason: "others keep changing its ports".to_owned(),
            try_again: true,
        })
    }

    /// Everything that must hold before anything is set.
    fn refuse(
        &self,
        found: &Bridge,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        let here = |port: &&PortName| found.ports.contains_key(*port);
        let managed = |port: &&PortName| here(port) && self.managed.contains(*port);
        let unmanaged = wanted.keys().find(|port| !managed(port));
        if let Some(port) = unmanaged.or_else(|| expected.keys().find(|port| !here(port))) {
            let port = self.port_id(port);
            return Err(Error::PortUnmanaged { port });
        }
        if found.is_controlled() {
            return Err(Error::SwitchRefused {
                switch: self.name.clone(),
                reason: "an OpenFlow controller rules it".to_owned(),
                try_again: false,
            });
        }
        for (port, expected) in expected {
            let now = observed(found, &found.ports[port]);
            let done = wanted.get(port).is_some_and(|wanted| now.is(wanted));
            if now != *expected && !done {
                return Err(Error::Conflict {
                    port: self.port_id(port),
                    expected: expected.clone(),
                    found: now,
                });
            }
        }
        Ok(())
    }

    async fn session(&self) -> Result<Session, Failure> {
        Session::open(&self.settings.endpoint).await
    }

    async fn within_limit<T>(
        &self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.settings.time_limit, call).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(self.silent(elapsed)),
        }
    }

    /// What a failure means as long as nothing was changed.
    fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Refused { .. } | Failure::NoBridge(_) => Error::SwitchRefused {
                switch: self.name.clone(),
                try_again: failure.may_pass(),
                reason: failure.to_string(),
            },
            _ => self.silent(failure),
        }
    }

    fn silent(&self, source: impl Into<crate::Source>) -> Error {
        Error::SwitchSilent {
            switch: self.name.clone(),
            source: Some(source.into()),
        }
    }

    fn port_id(&self, port: &PortName) -> PortId {
        PortId {
            switch: self.name.clone(),
            port: port.clone(),
        }
    }
}

fn observed(bridge: &Bridge, port: &columns::Port) -> Observed {
    if bridge.is_controlled() {
        Observed::Foreign("an OpenFlow controller rules the bridge".to_owned())
    } else {
        port.vlans.observed()
    }
}

#[async_trait]
impl Switch for OvsSwitch {
    fn name(&self) -> &SwitchName {
        &self.name
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error> {
        self.within_limit(async { self.read().await.map_err(|failure| self.error(failure)) })
            .await
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        self.within_limit(async {
            let mut session = self
                .session()
                .await
                .map_err(|failure| self.error(failure))?;
            self.change(&mut session, expected, wanted).await?;
            let applied = async {
                session.in_force().await?;
                session::settle(&self.settings.settling).await
            };
            applied.await.map_err(|failure| self.silent(failure))
        })
        .await
    }
}
