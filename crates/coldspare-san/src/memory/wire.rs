//! The other end: what servers, cables and people do to the array.

use std::collections::BTreeMap;
use std::net::IpAddr;

use coldspare_names::{Generation, Time, VolumeName};

use super::MemoryArray;
use super::state::{Open, State, number};
use crate::{Admission, Admissions, LastWrite, Login, Session, SessionId};

/// Why a login fails, as the initiator sees it (RFC 7143, section 11.13.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// No packet comes back.
    #[error("no answer")]
    NoAnswer,
    /// Status 02/03. tgt says so too when the name is on no list.
    #[error("target not found")]
    NotFound,
    /// Status 02/01: another account, or another secret, is wanted.
    #[error("authentication failure")]
    Authentication,
}

/// Why a read or a write fails, as the initiator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IoRefused {
    /// No packet comes back.
    #[error("no answer")]
    NoAnswer,
    /// The session was dropped, or the array restarted.
    #[error("the session is gone")]
    Gone,
    /// The volume is damaged.
    #[error("the volume is damaged")]
    Damaged,
}

/// Writes of one session to one volume, with none of another session between them: what the
/// blocks themselves remember, whatever the array says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// Who wrote.
    pub session: SessionId,
    /// From where.
    pub source: IpAddr,
    /// The generation of the admission that let it in; none if a hole did.
    pub generation: Option<Generation>,
    /// When the first of them landed.
    pub first: Time,
    /// When the last of them landed.
    pub last: Time,
}

/// A login that has shown its secret and is not finished, as its initiator holds it.
#[derive(Debug, Clone)]
pub struct HalfLogin {
    login: Login,
    admission: Option<Admission>,
}

impl MemoryArray {
    /// An initiator logs in to a volume's target.
    pub fn log_in(&self, login: &Login, now: Time) -> Result<SessionId, LoginRefused> {
        let state = &mut *self.lock();
        let admission = state.admission_for(login)?;
        Ok(state.open(login, admission, now))
    }

    /// An initiator shows its secret, and stops before it is in.
    pub fn begin_log_in(&self, login: &Login) -> Result<HalfLogin, LoginRefused> {
        let admission = self.lock().admission_for(login)?;
        let login = login.clone();
        Ok(HalfLogin { login, admission })
    }

    /// It goes on: what counts is who is admitted now, unless
    /// [`Traps::half_done_logins_get_in`](super::Traps::half_done_logins_get_in).
    pub fn finish_log_in(&self, half: &HalfLogin, now: Time) -> Result<SessionId, LoginRefused> {
        let state = &mut *self.lock();
        let admission = match state.admission_for(&half.login) {
            Err(LoginRefused::Authentication | LoginRefused::NotFound)
                if state.traps.half_done_logins_get_in =>
            {
                half.admission.clone()
            }
            admission => admission?,
        };
        Ok(state.open(&half.login, admission, now))
    }

    /// The initiator reads through its session: its boot image, say.
    pub fn read(&self, session: &SessionId) -> Result<(), IoRefused> {
        self.lock().usable(session).map(|_| ())
    }

    /// The initiator writes through its session.
    pub fn write(&self, session: &SessionId, now: Time) -> Result<(), IoRefused> {
        let state = &mut *self.lock();
        let number = state.usable(session)?;
        state.land(number, now);
        Ok(())
    }

    /// A session ends: its initiator logged out, or the array noticed that it is gone.
    pub fn end_session(&self, session: &SessionId) {
        if let Some(number) = number(session) {
            self.lock().sessions.remove(&number);
        }
    }

    /// Every write still under way in a dropped session lands; then the session is gone.
    pub fn land_writes(&self, now: Time) {
        let state = &mut *self.lock();
        let draining = state.sessions.iter().filter(|(_, open)| open.draining);
        let draining: Vec<_> = draining.map(|(number, _)| *number).collect();
        for number in draining {
            state.land(number, now);
            state.sessions.remove(&number);
        }
    }

    /// Packets from that address arrive, or no longer do. Its sessions stay open and idle.
    pub fn set_reachable(&self, source: IpAddr, reachable: bool) {
        let unreachable = &mut self.lock().unreachable;
        if reachable {
            unreachable.remove(&source);
        } else {
            unreachable.insert(source);
        }
    }

    /// The array works, or is lost with everything on it until it comes back: neither end answers.
    pub fn set_up(&self, up: bool) {
        self.lock().up = up;
    }

    /// The array restarts: every session ends, and its configuration is forgotten if it is of
    /// that kind.
    pub fn restart(&self) {
        let state = &mut *self.lock();
        state.sessions.clear();
        if state.traits.loses_configuration_on_restart {
            let stamps = state.traits.stamps;
            state
                .targets
                .values_mut()
                .for_each(|target| target.forget(stamps));
        }
    }

    /// Somebody adds a rule by hand, which lets everybody in. No effect without that volume.
    pub fn add_foreign_rule(&self, volume: &VolumeName, rule: &str) {
        if let Some(target) = self.lock().targets.get_mut(volume) {
            target.admissions.foreign.insert(rule.to_owned());
        }
    }

    /// The volume's content is damaged, or mended. Restoring an undamaged snapshot mends it too.
    pub fn set_damaged(&self, volume: &VolumeName, damaged: bool) {
        if let Some(target) = self.lock().targets.get_mut(volume) {
            target.damaged = damaged;
        }
    }

    /// Who may truly log in to each volume, whether the management end answers or not.
    pub fn admitted(&self) -> BTreeMap<VolumeName, Admissions> {
        self.lock().admissions()
    }

    /// Every open session as it truly is, whatever the management end can or will tell.
    pub fn open_sessions(&self) -> Vec<Session> {
        self.lock().sessions()
    }

    /// Everything that was ever written to a volume, in the order in which it landed.
    pub fn writings(&self, volume: &VolumeName) -> Vec<Writing> {
        let state = self.lock();
        state
            .targets
            .get(volume)
            .map(|target| target.writings.clone())
            .unwrap_or_default()
    }
}

impl State {
    fn admission_for(&self, login: &Login) -> Result<Option<Admission>, LoginRefused> {
        if !self.reaches(login.source) {
            return Err(LoginRefused::NoAnswer);
        }
        let target = self.targets.get(&login.volume);
        let target = target.ok_or(LoginRefused::NotFound)?;
        let admission = target.admission_for(login, &self.key, self.traits, &self.traps)?;
        Ok(admission.cloned())
    }

    fn open(&mut self, login: &Login, admission: Option<Admission>, now: Time) -> SessionId {
        self.opened += 1;
        let id = SessionId::new(self.opened.to_string());
        let session = Session {
            id: id.clone(),
            volume: login.volume.clone(),
            initiator: login.initiator.clone(),
            source: login.source,
            generation: admission.as_ref().map(|admission| admission.generation),
            opened: Some(now),
            last_write: LastWrite::Never,
        };
        let open = Open {
            session,
            admission,
            draining: false,
        };
        self.sessions.insert(self.opened, open);
        id
    }

    fn reaches(&self, source: IpAddr) -> bool {
        self.up && !self.unreachable.contains(&source)
    }

    fn usable(&self, session: &SessionId) -> Result<u64, IoRefused> {
        let number = number(session).ok_or(IoRefused::Gone)?;
        let open = self.sessions.get(&number).filter(|open| !open.draining);
        let session = &open.ok_or(IoRefused::Gone)?.session;
        if !self.reaches(session.source) {
            return Err(IoRefused::NoAnswer);
        }
        match self.targets.get(&session.volume) {
            Some(target) if target.damaged => Err(IoRefused::Damaged),
            Some(_) => Ok(number),
            None => Err(IoRefused::Gone),
        }
    }

    /// One write of a session reaches its volume.
    fn land(&mut self, number: u64, now: Time) {
        let Some(Open {
            session, admission, ..
        }) = self.sessions.get_mut(&number)
        else {
            return;
        };
        session.last_write = LastWrite::At(now);
        let Some(target) = self.targets.get_mut(&session.volume) else {
            return;
        };
        match target.writings.last_mut() {
            Some(writing) if writing.session == session.id => writing.last = now,
            _ => target.writings.push(Writing {
                session: session.id.clone(),
                source: session.source,
                generation: admission.as_ref().map(|admission| admission.generation),
                first: now,
                last: now,
            }),
        }
    }
}
