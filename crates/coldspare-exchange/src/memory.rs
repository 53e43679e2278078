//! A simulated cluster: a whole group in memory, on a time that is handed in.
//!
//! One handle serves both ends. The physical world tells it what breaks
//! ([`SimulatedCluster::member_down`] and its like) and lets time pass
//! ([`SimulatedCluster::advance`]); whoever administers the group sees only
//! [`DagControl`]. Nothing happens between two events, so an idle group costs
//! nothing, and it does not matter how often somebody looks.

mod active_manager;
mod cluster;
mod copies;
mod copy_list;
mod datacenter;
mod event;
mod flow;
mod lag;
mod member_verbs;
mod moves;
mod preferences;
mod report;
mod seeding;
mod settings;
mod shipping;
mod store;
mod truncation;
mod verbs;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coldspare_names::Time;

pub use event::{Event, Happening};
pub use settings::{Disk, LoadProfile, Settings};

use self::store::Volume;
use self::world::{Links, Timer, World};
use crate::{
    Action, Answer, ContentIndex, CopyId, CopyState, Dag, DagControl, DatabaseName, Error,
    MailboxServices, MemberName,
};

/// A database availability group in memory. Cheap to clone: each clone is a handle to the same.
#[derive(Debug, Clone)]
pub struct SimulatedCluster {
    world: Arc<Mutex<World>>,
}

impl SimulatedCluster {
    /// A group at rest: every member up, every copy caught up, databases active and mounted as
    /// the description says.
    pub fn new(dag: Dag, settings: Settings, now: Time) -> Result<Self, Error> {
        let defects = dag.defects();
        if !defects.is_empty() {
            let dag = dag.name;
            return Err(Error::Defective { dag, defects });
        }
        let world = Arc::new(Mutex::new(World::new(dag, settings, now)));
        Ok(Self { world })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass up to then.
    pub fn advance(&self, now: Time) {
        self.world().advance(now);
    }

    /// When something happens next by itself; none while all is at rest.
    pub fn next_event(&self) -> Option<Time> {
        self.world().next_event()
    }

    /// What has happened since it was asked last.
    pub fn drain_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.world().events)
    }

    /// The machine of a member runs again: its services start, its copies come back.
    pub fn member_up(&self, member: &MemberName) -> Result<(), Error> {
        self.link(member, |links| links.up = true)
    }

    /// The machine of a member stops at once, as without power.
    pub fn member_down(&self, member: &MemberName) -> Result<(), Error> {
        self.link(member, |links| links.up = false)
    }

    /// Whether a member is connected to the MAPI network.
    pub fn set_mapi_network(&self, member: &MemberName, connected: bool) -> Result<(), Error> {
        self.link(member, |links| links.mapi = connected)
    }

    /// Whether a member is connected to the replication network.
    pub fn set_replication_network(
        &self,
        member: &MemberName,
        connected: bool,
    ) -> Result<(), Error> {
        self.link(member, |links| links.replication = connected)
    }

    fn link(&self, member: &MemberName, change: impl FnOnce(&mut Links)) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        let mut links = world.machines[index].links;
        change(&mut links);
        if links != world.machines[index].links {
            let now = world.now;
            world.machines[index].links = links;
            world.machines[index].changed = now;
            let seen = now + world.settings.detection;
            world.wake(seen, Timer::View);
            world.refresh();
        }
        Ok(())
    }

    /// Whether a member reaches a domain controller over MAPI. Services that run go on without
    /// one; none start.
    pub fn set_domain_controller(&self, member: &MemberName, reachable: bool) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        world.machines[index].domain_controller = reachable;
        world.refresh();
        Ok(())
    }

    /// Whether the Exchange services of a member are meant to run.
    pub fn set_services(&self, member: &MemberName, running: bool) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        world.machines[index].wanted = running;
        world.refresh();
        Ok(())
    }

    /// Whether the file share witness is reachable.
    pub fn set_witness(&self, reachable: bool) {
        let mut world = self.world();
        world.witness = reachable && world.dag.witness.is_some();
        let seen = world.now + world.settings.detection;
        world.wake(seen, Timer::View);
    }

    /// Whether the alternate witness is reachable.
    pub fn set_alternate_witness(&self, reachable: bool) {
        let mut world = self.world();
        world.alternate_witness = reachable && world.dag.alternate_witness.is_some();
        let seen = world.now + world.settings.detection;
        world.wake(seen, Timer::View);
    }

    /// Sets how the disks of a member stand.
    pub fn set_disk(&self, member: &MemberName, disk: Disk) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        world.machines[index].disk = disk;
        world.refresh();
        Ok(())
    }

    /// Sets how busy the processors of a member are, in percent; 0 unless set.
    pub fn set_busy(&self, member: &MemberName, percent: u8) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        world.machines[index].busy = percent;
        Ok(())
    }

    /// Sets how many messages wait in the queues of a member.
    pub fn set_queued_messages(&self, member: &MemberName, messages: u64) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_member(member)?;
        world.machines[index].queued = messages;
        Ok(())
    }

    /// Damages the files of a copy: only seeding it anew helps.
    pub fn damage_volume(&self, database: &DatabaseName, member: &MemberName) -> Result<(), Error> {
        let copy = CopyId::new(database, member);
        self.world().set_volume(&copy, Volume::Damaged)
    }

    /// Damages a page of a copy. Of a passive one that is *Healthy* it is mended by itself; what
    /// else Exchange does about damaged pages has no status of its own, and is not simulated.
    pub fn damage_page(&self, database: &DatabaseName, member: &MemberName) -> Result<(), Error> {
        let mut world = self.world();
        let (store, copy) = world.find_copy(&CopyId::new(database, member))?;
        world.damage_page(store, copy);
        Ok(())
    }

    /// Whether a member reaches the volume of a copy; what is on it stays as it is. A disk that
    /// fails is out of reach, and damaged once another takes its place.
    pub fn set_volume(
        &self,
        database: &DatabaseName,
        member: &MemberName,
        reachable: bool,
    ) -> Result<(), Error> {
        let copy = CopyId::new(database, member);
        let (lost, found) = (Volume::Gone, Volume::Well);
        let (from, to) = if reachable {
            (lost, found)
        } else {
            (found, lost)
        };
        let mut world = self.world();
        if world.volume(&copy)? == from {
            world.set_volume(&copy, to)?;
        }
        Ok(())
    }

    /// Sets the state of a copy's content index.
    pub fn set_content_index(
        &self,
        database: &DatabaseName,
        member: &MemberName,
        state: ContentIndex,
    ) -> Result<(), Error> {
        let mut world = self.world();
        let (store, copy) = world.find_copy(&CopyId::new(database, member))?;
        world.stores[store].copies[copy].content_index = state;
        Ok(())
    }

    /// The file share witness is started anew: what it could say of the time before is forgotten.
    pub fn restart_witness(&self) {
        let mut world = self.world();
        world.witness_booted = world.now;
    }

    /// Sets how many logs the clients of a database cause.
    pub fn set_load(&self, database: &DatabaseName, load: LoadProfile) -> Result<(), Error> {
        let mut world = self.world();
        let index = world.find_store(database)?;
        world.stores[index].load = load;
        world.load(index);
        Ok(())
    }

    /// Whether calls of the seam get an answer at all.
    pub fn set_answering(&self, answering: bool) {
        self.world().answering = answering;
    }

    /// Committed logs of a database that its active copy does not have: a fact, not an estimate.
    pub fn logs_lost(&self, database: &DatabaseName) -> Result<u64, Error> {
        let world = self.world();
        let index = world.find_store(database)?;
        Ok(world.stores[index].lost())
    }

    /// Committed logs of a database, as far as its active copy has them.
    pub fn logs_kept(&self, database: &DatabaseName) -> Result<u64, Error> {
        let world = self.world();
        let index = world.find_store(database)?;
        Ok(flow::logs(world.stores[index].stream.level(world.now)))
    }

    /// Logs that the active copy keeps on its disk: those that some copy still needs. Logging is
    /// taken to be circular, so that backups do not matter.
    pub fn logs_on_disk(&self, database: &DatabaseName) -> Result<u64, Error> {
        let mut world = self.world();
        let index = world.find_store(database)?;
        let active = world.stores[index].active;
        Ok(world.logs_on_disk(index, active))
    }

    /// Logs that any copy keeps on its disk; a passive one those that the active copy keeps, and
    /// those that it has not replayed or that its lags still hold.
    pub fn logs_on_disk_of(
        &self,
        database: &DatabaseName,
        member: &MemberName,
    ) -> Result<u64, Error> {
        let mut world = self.world();
        let (index, copy) = world.find_copy(&CopyId::new(database, member))?;
        Ok(world.logs_on_disk(index, copy))
    }

    /// Waits as long as a call takes, and says whether anybody answers.
    async fn call(&self) -> Result<(), Error> {
        let latency = self.world().settings.latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let world = self.world();
        let up = world.machines.iter().any(|machine| machine.links.up);
        if world.answering && up {
            return Ok(());
        }
        Err(Error::Unreachable {
            dag: world.dag.name.clone(),
            reason: "no member is up".to_owned(),
            retry: true,
        })
    }
}

#[async_trait]
impl DagControl for SimulatedCluster {
    async fn dag(&self) -> Result<Dag, Error> {
        self.call().await?;
        Ok(self.world().dag())
    }

    async fn copies(&self) -> Result<Vec<CopyState>, Error> {
        self.call().await?;
        Ok(self.world().copy_states())
    }

    async fn services(&self, member: &MemberName) -> Result<MailboxServices, Error> {
        self.call().await?;
        let world = self.world();
        let machine = world.find_member(member)?;
        if !world.machines[machine].links.up {
            return Err(Error::Unreachable {
                dag: world.dag.name.clone(),
                reason: format!("{member} is not up"),
                retry: true,
            });
        }
        Ok(world.services(machine))
    }

    async fn act(&self, action: &Action) -> Result<Answer, Error> {
        self.call().await?;
        self.world().act(action)
    }
}

#[cfg(test)]
mod tests;
