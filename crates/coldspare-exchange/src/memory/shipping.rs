//! Logs on their way from the active copy to the others.

use super::flow::{Delays, Rates};
use super::world::{Timer, World};
use crate::CopyStatus;

/// The network on which two members talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Replication,
    Mapi,
}

impl World {
    /// How two machines whose Replication services run reach each other, if they do.
    pub(super) fn path(&self, one: usize, other: usize) -> Option<Path> {
        let links = [one, other].map(|index| self.machines[index].links);
        if !self.works(one) || !self.works(other) {
            None
        } else if links.iter().all(|links| links.replication) {
            Some(Path::Replication)
        } else if links.iter().all(|links| links.mapi) {
            Some(Path::Mapi)
        } else {
            None
        }
    }

    /// A copy that has fallen back to the MAPI network stays there until it begins anew, even if
    /// the replication network is back.
    pub(super) fn kept_path(&mut self, index: usize, copy: usize, path: Path) -> Path {
        let store = &self.stores[index];
        let (source, machine) = (
            store.copies[store.active].machine,
            store.copies[copy].machine,
        );
        let mapi = [source, machine]
            .iter()
            .all(|machine| self.machines[*machine].links.mapi);
        let it = &mut self.stores[index].copies[copy];
        let flows = matches!(
            it.status,
            CopyStatus::Healthy | CopyStatus::Resynchronizing | CopyStatus::SinglePageRestore
        );
        it.on_mapi = flows && (path == Path::Mapi || (it.on_mapi && mapi));
        if it.on_mapi { Path::Mapi } else { path }
    }

    /// Sets how fast a passive copy works, and when it will have caught up.
    pub(super) fn pump(&mut self, index: usize, copy: usize, path: Option<Path>) {
        let settings = &self.settings;
        let copying = match path {
            Some(Path::Replication) => settings.replication_rate,
            Some(Path::Mapi) => settings.mapi_rate,
            None => 0,
        };
        let (inspect, replay) = (settings.inspection_rate, settings.replay_rate);
        let ship = settings.shipping_delay;
        let lag = self.lag_in_force(index, copy);
        let store = &mut self.stores[index];
        let it = &mut store.copies[copy];
        let rates = match it.status {
            _ if !it.served => Rates::default(),
            CopyStatus::Healthy | CopyStatus::Resynchronizing | CopyStatus::SinglePageRestore => {
                Rates {
                    copy: copying,
                    inspect,
                    replay,
                }
            }
            CopyStatus::DisconnectedAndHealthy | CopyStatus::DisconnectedAndResynchronizing => {
                Rates {
                    copy: 0,
                    inspect,
                    replay,
                }
            }
            _ => Rates::default(),
        };
        let delays = Delays {
            ship,
            replay: lag.max(ship),
        };
        it.logs.work(&store.stream, self.now, rates, delays);
        if matches!(
            it.status,
            CopyStatus::Resynchronizing | CopyStatus::SinglePageRestore
        ) {
            it.logs.settle(&store.stream, self.now);
            let until = it.compared.max(it.logs.reaches(&store.stream, it.target));
            if it.until != until {
                it.until = until;
                self.wake(until, Timer::Copy(index, copy));
            }
        }
    }
}
