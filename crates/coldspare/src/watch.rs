//! What is watched beside the servers' lives, and told: copies and active databases of the
//! groups, and which channel carries each network. Nothing is decided here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coldspare_exchange::{
    CopyId, CopyState, CopyStatus, Dag, DagControl, DatabaseName, MemberName,
};
use coldspare_names::{Channel, NetworkName, PersonaName};
use coldspare_network::Guest;
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::devices::Devices;
use crate::event::{Event, Told, What};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(2);
/// How long a look may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Watches every group and the networks of every persona, and tells what changes, until nobody
/// listens. What does not answer is looked at again later, and nothing is told of it.
pub async fn tell_changes(devices: Devices, clock: Clock, events: mpsc::UnboundedSender<Told>) {
    let groups = devices.groups.into_values();
    let groups = groups.map(|group| watch_group(group, clock, events.clone()).boxed());
    let guests = devices.guests.into_iter();
    let guests = guests.map(|(persona, guest)| {
        let events = events.clone();
        watch_channels(persona, guest, clock, events).boxed()
    });
    join_all(groups.chain(guests)).await;
}

/// What was seen of a group last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct GroupSeen {
    active: BTreeMap<DatabaseName, MemberName>,
    copies: BTreeMap<CopyId, CopyStatus>,
}

impl GroupSeen {
    /// What is new since the last look; the first look tells nothing.
    fn look(&mut self, dag: &Dag, copies: &[CopyState]) -> Vec<Event> {
        let mounted = dag
            .databases
            .iter()
            .filter(|(_, database)| database.mounted);
        let seen = Self {
            active: mounted
                .map(|(name, database)| (name.clone(), database.active.clone()))
                .collect(),
            copies: copies
                .iter()
                .map(|state| (state.copy.clone(), state.status))
                .collect(),
        };
        let before = std::mem::replace(self, seen);
        if before == Self::default() {
            return Vec::new();
        }
        let copies = self
            .copies
            .iter()
            .filter(|(copy, status)| before.copies.get(*copy) != Some(*status));
        let copies = copies.map(|(copy, status)| {
            Event::new(What::CopyStatus)
                .database(&copy.database)
                .member(&copy.member)
                .status(status)
        });
        let active = self
            .active
            .iter()
            .filter(|(name, member)| before.active.get(*name) != Some(*member));
        let active = active.map(|(name, member)| {
            Event::new(What::DatabaseActivated)
                .database(name)
                .member(member)
        });
        active.chain(copies).collect()
    }
}

async fn watch_group(
    group: Arc<dyn DagControl>,
    clock: Clock,
    events: mpsc::UnboundedSender<Told>,
) {
    let mut seen = GroupSeen::default();
    loop {
        let look = async { Some((group.dag().await.ok()?, group.copies().await.ok()?)) };
        if let Ok(Some((dag, copies))) = timeout(LIMIT, look).await {
            for event in seen.look(&dag, &copies) {
                // Nobody listens any more.
                let Ok(()) = events.send(Told {
                    at: clock.now(),
                    event,
                }) else {
                    return;
                };
            }
        }
        sleep(EVERY).await;
    }
}

/// Watches which channel carries each network of a persona.
async fn watch_channels(
    persona: PersonaName,
    guest: Arc<dyn Guest>,
    clock: Clock,
    events: mpsc::UnboundedSender<Told>,
) {
    let mut seen: BTreeMap<NetworkName, Channel> = BTreeMap::new();
    loop {
        if let Ok(Ok(interfaces)) = timeout(LIMIT, guest.interfaces()).await {
            for (network, channel) in &interfaces.carriers {
                let before = seen.insert(network.clone(), *channel);
                let Some(before) = before.filter(|before| before != channel) else {
                    continue;
                };
                let event = Event::new(What::ChannelFailover)
                    .persona(&persona)
                    .network(network);
                let event = event
                    .channel(channel)
                    .because(format!("from channel {before}"));
                let Ok(()) = events.send(Told {
                    at: clock.now(),
                    event,
                }) else {
                    return;
                };
            }
        }
        sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests;
