//! What a simulated cluster does when it is asked, and what it refuses.

use super::store::{Seeding, Volume};
use super::world::World;
use crate::{
    Action, Answer, CopyEvent, CopyId, CopyStatus, DatabaseName, Error, MemberName, Refusal,
};

/// The longest comment of a suspension.
const COMMENT: u64 = 512;

/// Done, or why not.
pub(super) type Verdict = Result<Answer, Refusal>;

impl World {
    /// Does what is asked; whatever it names must exist.
    #[expect(clippy::too_many_lines, reason = "a row for each action")]
    pub(super) fn act(&mut self, action: &Action) -> Result<Answer, Error> {
        let verdict = match action {
            Action::Move(wanted) => {
                let store = self.find_store(&wanted.database)?;
                self.move_active(store, wanted)
            }
            Action::Suspend { copy, comment } => {
                let (store, copy) = self.find_copy(copy)?;
                self.suspend(store, copy, comment)
            }
            Action::SuspendActivation { copy, comment } => {
                let (store, copy) = self.find_copy(copy)?;
                self.suspend_activation(store, copy, comment)
            }
            Action::Resume {
                copy,
                replication_only,
            } => {
                let (store, copy) = self.find_copy(copy)?;
                self.resume(store, copy, *replication_only)
            }
            Action::DisableReplayLag { copy, .. } => {
                let (store, copy) = self.find_copy(copy)?;
                self.set_lag_disabled(store, copy, true)
            }
            Action::EnableReplayLag { copy } => {
                let (store, copy) = self.find_copy(copy)?;
                self.set_lag_disabled(store, copy, false)
            }
            Action::Reseed {
                copy,
                parts,
                source,
                manual_resume,
            } => {
                let source = self.find_source(&copy.database, source.as_ref())?;
                let (store, copy) = self.find_copy(copy)?;
                let seeding = Seeding {
                    source,
                    parts: *parts,
                    manual_resume: *manual_resume,
                };
                self.reseed(store, copy, seeding)
            }
            Action::CancelSeeding { copy } => {
                let (store, copy) = self.find_copy(copy)?;
                self.cancel_seeding(store, copy)
            }
            Action::Mount { database } => {
                let store = self.find_store(database)?;
                self.mount(store)
            }
            Action::Dismount { database } => {
                let store = self.find_store(database)?;
                self.dismount_on_request(store)
            }
            Action::AddCopy {
                copy,
                settings,
                seeding_postponed,
            } => {
                let (store, machine) = self.find_place(copy)?;
                self.add_copy(store, machine, *settings, *seeding_postponed)
            }
            Action::RemoveCopy { copy } => {
                let (store, machine) = self.find_place(copy)?;
                self.remove_copy(store, machine)
            }
            Action::SetCopy { copy, settings } => {
                let (store, copy) = self.find_copy(copy)?;
                self.set_copy(store, copy, *settings)
            }
            Action::SetGroup { settings } => self.set_group(settings),
            Action::StopMember { member } => {
                let machine = self.find_member(member)?;
                self.stop_member(machine)
            }
            Action::StartMember { member } => {
                let machine = self.find_member(member)?;
                self.start_member(machine)
            }
            Action::RestoreGroup => self.restore_group(),
            Action::SetPolicy { member, policy } => {
                self.find_member(member)?;
                self.set_policy(member, *policy)
            }
            Action::SetPaused { member, paused } => {
                let machine = self.find_member(member)?;
                self.set_paused(machine, *paused)
            }
            Action::MovePrimary { to } => {
                let machine = self.find_member(to)?;
                self.move_primary(machine)
            }
            Action::SetComponent {
                member,
                component,
                requester,
                state,
            } => {
                let machine = self.find_member(member)?;
                self.set_component(machine, *component, *requester, *state)
            }
            Action::RestartService { member, service } => {
                let machine = self.find_member(member)?;
                self.restart(machine, *service)
            }
            Action::RedirectMessages { member, target } => {
                let (from, to) = (self.find_member(member)?, self.find_member(target)?);
                self.redirect(from, to)
            }
        };
        self.refresh();
        Ok(verdict.unwrap_or_else(Answer::Refused))
    }

    fn not_found(&self, what: String) -> Error {
        let dag = self.dag.name.clone();
        Error::NotFound { dag, what }
    }

    pub(super) fn find_store(&self, name: &DatabaseName) -> Result<usize, Error> {
        let by_name = self.stores.binary_search_by(|store| store.name.cmp(name));
        by_name.map_err(|_| self.not_found(format!("database {name}")))
    }

    pub(super) fn find_member(&self, name: &MemberName) -> Result<usize, Error> {
        self.machine(name)
            .ok_or_else(|| self.not_found(format!("member {name}")))
    }

    /// The copy that is seeded from: the active one unless another is named.
    fn find_source(
        &self,
        database: &DatabaseName,
        named: Option<&MemberName>,
    ) -> Result<usize, Error> {
        match named {
            Some(member) => Ok(self.find_copy(&CopyId::new(database, member))?.1),
            None => Ok(self.stores[self.find_store(database)?].active),
        }
    }

    /// Where a copy is or would be.
    fn find_place(&self, id: &CopyId) -> Result<(usize, usize), Error> {
        Ok((
            self.find_store(&id.database)?,
            self.find_member(&id.member)?,
        ))
    }

    pub(super) fn find_copy(&self, id: &CopyId) -> Result<(usize, usize), Error> {
        let (store, machine) = self.find_place(id)?;
        let mut copies = self.stores[store].copies.iter();
        let copy = copies.position(|copy| copy.machine == machine);
        copy.map(|copy| (store, copy))
            .ok_or_else(|| self.not_found(format!("copy {id}")))
    }

    fn quorate_and(&self, machine: usize) -> Result<(), Refusal> {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        self.reach(machine)
    }

    /// Whether the Replication service of a machine answers.
    pub(super) fn reach(&self, machine: usize) -> Result<(), Refusal> {
        let name = &self.machines[machine].name;
        self.works(machine)
            .then_some(())
            .ok_or_else(|| Refusal::ServiceDown(name.clone()))
    }

    /// A passive copy whose member answers.
    pub(super) fn passive(&self, store: usize, copy: usize) -> Result<(), Refusal> {
        if self.stores[store].active == copy {
            return Err(Refusal::IsActive);
        }
        self.quorate_and(self.stores[store].copies[copy].machine)
    }

    fn suspend(&mut self, store: usize, copy: usize, comment: &str) -> Verdict {
        self.passive(store, copy)?;
        short(comment)?;
        let status = self.shown(store, copy);
        if !status.is_suspended() {
            if status == CopyStatus::SeedingSource {
                return Err(Refusal::SeedingSource);
            }
            if !self.apply(store, copy, CopyEvent::Suspended) {
                return Err(Refusal::Status(status));
            }
        }
        self.stores[store].copies[copy].comment = Some(comment.to_owned());
        Ok(Answer::Done)
    }

    fn suspend_activation(&mut self, store: usize, copy: usize, comment: &str) -> Verdict {
        self.passive(store, copy)?;
        short(comment)?;
        let it = &mut self.stores[store].copies[copy];
        it.activation_suspended = true;
        it.comment = Some(comment.to_owned());
        Ok(Answer::Done)
    }

    fn resume(&mut self, store: usize, copy: usize, replication_only: bool) -> Verdict {
        self.passive(store, copy)?;
        self.apply(store, copy, CopyEvent::Resumed);
        let it = &mut self.stores[store].copies[copy];
        it.activation_suspended &= replication_only;
        if !it.activation_suspended {
            it.comment = None;
        }
        Ok(Answer::Done)
    }

    fn mount(&mut self, index: usize) -> Verdict {
        let active = &self.stores[index].copies[self.stores[index].active];
        let (status, machine, volume) = (active.status, active.machine, active.volume);
        self.quorate_and(machine)?;
        let member = &self.machines[machine].name;
        if !self.machines[machine].joined {
            return Err(Refusal::NodeNotUp(member.clone()));
        }
        if volume != Volume::Well {
            return Err(Refusal::Damaged(member.clone()));
        }
        if status == CopyStatus::Dismounted {
            self.admitted(machine)?;
            self.below_maximum(machine)?;
            self.stores[index].wanted = true;
            self.mount_now(index);
        }
        Ok(Answer::Done)
    }

    /// Mounts the active copy: at once, if nothing is left to replay.
    pub(super) fn mount_now(&mut self, index: usize) {
        self.begin_mount(index);
        let active = &self.stores[index].copies[self.stores[index].active];
        if active.logs.replayed == active.logs.inspected {
            self.mounted(index);
        }
    }

    /// The store itself refuses to mount more than the hard maximum.
    fn below_maximum(&self, machine: usize) -> Result<(), Refusal> {
        let name = &self.machines[machine].name;
        let mounted = self.dag.databases.values();
        let here = mounted.filter(|database| database.mounted && database.active == *name);
        let active = u32::try_from(here.count()).unwrap_or(u32::MAX);
        match self.dag.members[name].policy.maximum_active {
            Some(maximum) if active >= maximum => Err(Refusal::MaximumActive { active, maximum }),
            _ => Ok(()),
        }
    }

    fn dismount_on_request(&mut self, index: usize) -> Verdict {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        self.stores[index].wanted = false;
        let active = &self.stores[index].copies[self.stores[index].active];
        if active.status != CopyStatus::Dismounted {
            self.dismount(index);
        }
        Ok(Answer::Done)
    }

    fn set_copy(&mut self, index: usize, copy: usize, wanted: crate::CopySettings) -> Verdict {
        let store = &self.stores[index];
        let member = self.machines[store.copies[copy].machine].name.clone();
        let Some(database) = self.dag.databases.get_mut(&store.name) else {
            return Err(Refusal::NoCopy(member));
        };
        database.set_copy(&member, wanted)?;
        Ok(Answer::Done)
    }
}

fn short(comment: &str) -> Result<(), Refusal> {
    if comment.chars().count() as u64 > COMMENT {
        let what = "a comment in characters".to_owned();
        return Err(Refusal::Limit {
            what,
            limit: COMMENT,
        });
    }
    Ok(())
}
