//! Everything that changes in the data centre, and how time passes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare::{Event, Handle, Told};
use coldspare_exchange::memory::SimulatedCluster;
use coldspare_exchange::{DagName, MemberName};
use coldspare_heartbeat::Path;
use coldspare_names::{ArrayName, PersonaName, ServerName, SwitchName, Time};
use coldspare_network::GuestPlan;
use coldspare_san::memory::MemoryArray;
use coldspare_san::{LastWrite, SessionId};

use super::groups::{Shown, StartUps};
use super::lan::Carriers;
use super::{Machine, Observer, Plant};
use crate::{Fault, FaultKind, Truth};

/// Everything that changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) machines: BTreeMap<ServerName, Machine>,
    pub(crate) lost_switches: BTreeSet<SwitchName>,
    pub(crate) lost_arrays: BTreeSet<ArrayName>,
    /// The controller's own link is whole.
    pub(crate) controller_linked: bool,
    pub(crate) own_links: bool,
    pub(super) controller: Option<Handle>,
    /// How many controllers have been started.
    pub(super) controllers: u64,
    /// What each persona's image holds of its network setup.
    pub(super) setups: BTreeMap<PersonaName, GuestPlan>,
    pub(super) shown: Shown,
    pub(super) start_ups: StartUps,
    pub(super) carriers: Carriers,
    pub(super) witness_is_cut_off: bool,
    /// What is due, and when.
    pub(super) agenda: BTreeSet<(Time, Due)>,
    /// When each server is on the agenda.
    pub(super) awaited: BTreeMap<ServerName, Time>,
    pub(super) boots: u64,
    pub(super) told: Vec<Told>,
    pub(super) observer: Option<Observer>,
}

/// What may be due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Something breaks.
    Begin(FaultKind),
    /// Something is whole again.
    End(FaultKind),
    /// An array notices that the initiator of a session is gone.
    Forget(ArrayName, SessionId),
    /// A server does its next bit.
    Server(ServerName),
    /// The start-up item of a member does its next bit.
    StartUp(DagName, MemberName),
}

impl State {
    /// When something happens next by itself.
    pub(super) fn next(&self, plant: &Plant) -> Option<Time> {
        let agenda = self.agenda.first().map(|(at, _)| *at);
        let groups = plant
            .clusters
            .values()
            .filter_map(SimulatedCluster::next_event);
        agenda.into_iter().chain(groups).min()
    }

    pub(super) fn schedule(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            if let Some(lasts) = fault.lasts {
                self.agenda
                    .insert((fault.at + lasts, Due::End(fault.kind.clone())));
            }
            self.agenda.insert((fault.at, Due::Begin(fault.kind)));
        }
    }

    /// Lets happen what is due. Whether the controller's machine died.
    pub(super) fn advance(&mut self, plant: &Plant, now: Time) -> bool {
        let (mut changed, mut crashed) = (false, false);
        for cluster in plant.clusters.values() {
            changed |= cluster.next_event().is_some_and(|at| at <= now);
        }
        while let Some((at, due)) = self.agenda.pop_first() {
            if at > now {
                self.agenda.insert((at, due));
                break;
            }
            match due {
                Due::Begin(kind) => {
                    crashed |= kind == FaultKind::ControllerCrash;
                    self.begin(plant, &kind, now);
                    changed = true;
                }
                Due::End(kind) => {
                    self.end(plant, &kind, now);
                    changed = true;
                }
                Due::Forget(array, session) => {
                    if let Some(array) = plant.arrays.get(&array)
                        && is_silent(array, &session, now, plant.latency.session_timeout)
                    {
                        array.end_session(&session);
                        changed = true;
                    }
                }
                Due::StartUp(dag, member) => {
                    changed |= self.start_up(plant, dag, member, now);
                }
                Due::Server(server) => {
                    self.awaited.remove(&server);
                    changed |= self.step(plant, &server, now);
                }
            }
        }
        if changed {
            self.settle(plant, now);
        }
        crashed
    }

    /// One server does its next bit. Whether others may notice.
    fn step(&mut self, plant: &Plant, server: &ServerName, now: Time) -> bool {
        let Some(machine) = self.machines.get_mut(server) else {
            return false;
        };
        let was_up = machine.awake().is_some();
        let changed = machine.step(plant, now, &mut self.boots);
        if !was_up && machine.awake().is_some() {
            self.set_up_network(plant, server);
        }
        self.send_beat(plant, server, now);
        self.put_on_agenda(plant, server, now);
        changed
    }

    /// A system is up: it finds its NICs, and sets them up as its image says.
    pub(super) fn set_up_network(&self, plant: &Plant, server: &ServerName) {
        let Some(machine) = self.machines.get(server) else {
            return;
        };
        let Some(system) = machine.system() else {
            return;
        };
        system.guest.boot(machine.nics(|cable| self.is_lit(cable)));
        system.guest.set_latency(plant.latency.guest_call);
        let managed = plant
            .persona(&system.persona)
            .is_some_and(|of| of.persona.networking_enabled);
        if managed {
            let held = self
                .setups
                .get(&system.persona)
                .cloned()
                .unwrap_or_default();
            system.guest.configure_itself(&held);
        } else {
            system
                .guest
                .configure_itself(&machine.own_setup(plant, system));
        }
    }

    fn put_on_agenda(&mut self, plant: &Plant, server: &ServerName, now: Time) {
        let Some(machine) = self.machines.get_mut(server) else {
            return;
        };
        let timeout = plant.latency.session_timeout;
        for (volume, session) in machine.left.drain(..).filter(|_| !timeout.is_zero()) {
            self.agenda
                .insert((now + timeout, Due::Forget(volume.array, session)));
        }
        if self.awaited.get(server) == machine.due.as_ref() {
            return;
        }
        if let Some(at) = self.awaited.remove(server) {
            self.agenda.remove(&(at, Due::Server(server.clone())));
        }
        if let Some(at) = machine.due {
            self.awaited.insert(server.clone(), at);
            self.agenda.insert((at, Due::Server(server.clone())));
        }
    }

    /// Everything that follows from what was just changed follows, and whoever observes looks.
    pub(super) fn settle(&mut self, plant: &Plant, now: Time) {
        let servers: Vec<_> = self.machines.keys().cloned().collect();
        for server in &servers {
            let Some(machine) = self.machines.get_mut(server) else {
                continue;
            };
            machine.follow_power(plant, now);
            let shut_down = now + plant.latency.shut_down;
            let frozen = machine.broken.frozen;
            if let Some(system) = machine.system_mut().filter(|system| system.up && !frozen) {
                if system.guest.is_shutting_down() && system.leaving.is_none() {
                    system.leaving = Some(shut_down);
                }
                let configured = system.guest.truth().configured;
                self.setups.insert(system.persona.clone(), configured);
            }
            self.put_on_agenda(plant, server, now);
        }
        self.rewire(plant);
        self.tell_own_links(plant);
        self.show_groups(plant, now);
        self.tell_moves(plant, now);
        if let Some(mut observer) = self.observer.take() {
            observer(now, &Truth::new(plant, self, now));
            self.observer = Some(observer);
        }
    }

    /// The controller sees its own link, and that alone.
    fn tell_own_links(&mut self, plant: &Plant) {
        let up = self.controller_linked && self.lan_is_lit(plant);
        if std::mem::replace(&mut self.own_links, up) == up {
            return;
        }
        self.say_own_links();
    }

    pub(super) fn say_own_links(&self) {
        let up = self.own_links;
        if let Some(controller) = self.controller.clone() {
            tokio::spawn(async move {
                for path in Path::BOTH {
                    controller.own_link(path, up).await;
                }
            });
        }
    }

    pub(super) fn tell(&mut self, at: Time, event: Event) {
        self.told.push(Told { at, event });
    }
}

/// Whether a session has not written for so long.
fn is_silent(array: &MemoryArray, session: &SessionId, now: Time, long: Duration) -> bool {
    let mut open = array.open_sessions().into_iter();
    let found = open.find(|open| open.id == *session);
    found.is_some_and(|found| match found.last_write {
        LastWrite::At(wrote) => wrote + long <= now,
        LastWrite::Never | LastWrite::Unknown => true,
    })
}
