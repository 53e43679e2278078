//! What a simulated cluster says of itself.

use std::collections::BTreeSet;

use super::flow::logs;
use super::world::World;
use crate::{
    CopyState, CopyStatus, Dag, LogPositions, MailboxServices, QueueLength, Role, Service, required,
};

impl World {
    pub(super) fn dag(&self) -> Dag {
        let mut dag = self.dag.clone();
        if let Some(witness) = &mut dag.witness {
            witness.reachable = self.witness;
        }
        if let Some(witness) = &mut dag.alternate_witness {
            witness.reachable = self.alternate_witness;
        }
        dag
    }

    pub(super) fn copy_states(&mut self) -> Vec<CopyState> {
        let mut states = Vec::new();
        for store in 0..self.stores.len() {
            for copy in 0..self.stores[store].copies.len() {
                states.push(self.copy_state(store, copy));
            }
        }
        states
    }

    pub(super) fn copy_state(&mut self, index: usize, copy: usize) -> CopyState {
        self.settle(index, copy);
        let store = &self.stores[index];
        let it = &store.copies[copy];
        let active = store.active == copy;
        let status = self.shown(index, copy);
        let generated = logs(store.stream.level(self.now));
        let known = !active && status != CopyStatus::ServiceDown;
        let copied = logs(it.logs.copied);
        let positions = known.then(|| LogPositions {
            generated: generated.max(copied),
            notified: generated.max(copied),
            copied,
            inspected: logs(it.logs.inspected),
            replayed: logs(it.logs.replayed),
        });
        let queue = |of: fn(&LogPositions) -> QueueLength| match &positions {
            Some(positions) => of(positions),
            None if active => QueueLength::new(0),
            None => QueueLength::UNKNOWN,
        };
        CopyState {
            copy: self.copy_id(index, copy),
            status,
            active,
            activation_suspended: it.activation_suspended,
            suspend_comment: it.comment.clone(),
            replay_lag_off: !active && it.played_down.is_some() && self.is_lagged(index, copy),
            error: it.error.clone(),
            content_index: it.content_index,
            copy_queue: queue(LogPositions::copy_queue),
            replay_queue: queue(LogPositions::replay_queue),
            logs: positions,
        }
    }

    /// The services of a machine that is up: those of Windows run, those of Exchange when ready.
    pub(super) fn services(&self, machine: usize) -> MailboxServices {
        let roles: BTreeSet<Role> = Role::ALL.iter().copied().collect();
        let works = self.works(machine);
        let of_windows = |service: &Service| {
            matches!(
                service,
                Service::ClusSvc | Service::IISAdmin | Service::W3SVC | Service::WinRM
            )
        };
        let services = required(self.dag.version, &roles).into_iter();
        let (running, stopped) = services.partition(|service| works || of_windows(service));
        MailboxServices {
            running,
            stopped,
            components: self.machines[machine].components.clone(),
            queued_messages: self.machines[machine].queued,
        }
    }
}
