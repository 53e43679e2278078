//! An operating system that runs on a server: its disks, its agent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use coldspare::{Expected, Handle};
use coldspare_bmc::IscsiBoot;
use coldspare_heartbeat::wire::LENGTH;
use coldspare_heartbeat::{Agent, AgentKey, Flags, Path, Pulse, Reply};
use coldspare_names::{PersonaName, Time, VolumeId};
use coldspare_network::memory::MemoryGuest;
use coldspare_san::memory::IoRefused;
use coldspare_san::{Chap, Login, SessionId};

use super::Plant;

/// What a server became when it booted an image.
pub(crate) struct System {
    pub(crate) persona: PersonaName,
    /// What the firmware booted: the initiator's name and secret are used for data volumes too.
    pub(crate) boot: IscsiBoot,
    /// Its volumes and the sessions with them, the image among them.
    pub(crate) disks: BTreeMap<VolumeId, Option<SessionId>>,
    pub(crate) image: VolumeId,
    pub(crate) guest: MemoryGuest,
    /// When it runs, if it is let.
    pub(crate) ready: Time,
    pub(crate) up: bool,
    /// Which boot in the whole data centre it is.
    pub(crate) number: u64,
    /// The heart of its agent, once a controller has told it its slot.
    pub(crate) pulse: Option<Pulse>,
    /// Which controller told it, by the order of their starts.
    pub(crate) told_by: u64,
    /// Its sessions with arrays that do not answer it.
    pub(crate) cut_off: BTreeMap<VolumeId, SessionId>,
    /// When it last wrote its image.
    pub(crate) wrote: Option<Time>,
    /// Whether every disk took the latest write.
    pub(crate) writes: bool,
    pub(crate) agent_hangs: bool,
    /// When it has shut down, if it is about to.
    pub(crate) leaving: Option<Time>,
    /// When it tries next to log in again.
    pub(crate) retry: Time,
}

impl System {
    /// Logs in to a volume from the first of these addresses that is let in.
    pub(crate) fn log_in(
        plant: &Plant,
        boot: &IscsiBoot,
        volume: &VolumeId,
        from: &[IpAddr],
        now: Time,
    ) -> Option<SessionId> {
        let array = plant.arrays.get(&volume.array)?;
        let chap = boot.chap.as_ref().map(|chap| Chap {
            user: chap.user().to_owned(),
            secret: chap.secret().clone(),
        });
        from.iter().find_map(|source| {
            let login = Login {
                volume: volume.volume.clone(),
                initiator: boot.initiator.to_string(),
                source: *source,
                chap: chap.clone(),
            };
            array.log_in(&login, now).ok()
        })
    }

    /// Writes every disk once; a session that is gone or does not answer is replaced, if one of
    /// these addresses is let in. Gives back the sessions that were left behind or cut off.
    pub(crate) fn write(
        &mut self,
        plant: &Plant,
        from: &[IpAddr],
        now: Time,
    ) -> Vec<(VolumeId, SessionId)> {
        let mut left = Vec::new();
        let mut all = true;
        let mut tried = false;
        for (volume, disk) in &mut self.disks {
            let Some(array) = plant.arrays.get(&volume.array) else {
                continue;
            };
            let mut written = match disk {
                Some(session) => array.write(session, now),
                None => Err(IoRefused::Gone),
            };
            if matches!(written, Err(IoRefused::Gone | IoRefused::NoAnswer)) && now >= self.retry {
                tried = true;
                if let Some(session) = Self::log_in(plant, &self.boot, volume, from, now) {
                    let old = disk.replace(session.clone());
                    left.extend(old.map(|old| (volume.clone(), old)));
                    written = array.write(&session, now);
                }
            }
            match (written, &disk) {
                (Err(IoRefused::Gone), _) => *disk = None,
                // Still its own if it comes back in time.
                (Err(IoRefused::NoAnswer), Some(session)) => {
                    let known = self.cut_off.insert(volume.clone(), session.clone());
                    if known.as_ref() != Some(session) {
                        left.push((volume.clone(), session.clone()));
                    }
                }
                _ => drop(self.cut_off.remove(volume)),
            }
            if written.is_ok() && *volume == self.image {
                self.wrote = Some(now);
            }
            all &= written.is_ok();
        }
        if tried && !all {
            self.retry = now + plant.latency.login_retry;
        }
        self.writes = all;
        left
    }

    /// Whether its applications can work.
    pub(crate) fn serves(&self) -> bool {
        self.up && self.writes && self.leaving.is_none()
    }

    /// Learns from a controller in which slot it is heard.
    pub(crate) fn enrol(&mut self, expected: &Expected, now: Time) {
        let Some(pulse) = &mut self.pulse else {
            let agent = self.boot.chap.as_ref().map(|chap| Agent {
                slot: expected.slot,
                generation: self.boot.generation,
                key: AgentKey::from_secret(chap.secret()),
                boot: self.number,
            });
            self.pulse = agent.map(|agent| Pulse::new(agent, expected.period, self.number, now));
            return;
        };
        pulse.change_slot(expected.slot);
    }

    /// The next heartbeat, a datagram for each path.
    pub(crate) fn beat(&mut self, now: Time) -> Option<[[u8; LENGTH]; 2]> {
        let pulse = self.pulse.as_mut()?;
        pulse.announce(Flags {
            shutting_down: self.leaving.is_some(),
            ..Flags::default()
        });
        pulse.san(self.writes);
        if let Some(wrote) = self.wrote {
            pulse.wrote(wrote);
        }
        Some(pulse.beat(now))
    }

    /// Sends a datagram over a path that carries it both ways.
    pub(crate) fn say(&mut self, to: &Handle, path: Path, datagram: &[u8; LENGTH], now: Time) {
        if let Ok(accepted) = to.heard(path, datagram)
            && let Some(echo) = to.echo(path, &accepted)
        {
            self.hear(to, path, &echo, now);
        }
    }

    /// Its agent takes a datagram, and answers it.
    pub(crate) fn hear(&mut self, from: &Handle, path: Path, datagram: &[u8; LENGTH], now: Time) {
        let pulse = self.pulse.as_mut();
        let reply = pulse.map(|pulse| pulse.received(path, datagram, now));
        if let Some(Reply::Beat(beat)) = reply {
            self.say(from, path, &beat, now);
        }
    }
}
