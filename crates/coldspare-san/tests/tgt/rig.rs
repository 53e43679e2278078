//! The levers of the conformance suite on a real tgtd.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coldspare_san::conformance::{Connection, Rig};
use coldspare_san::tgt::TgtArray;
use coldspare_san::{Array, Login, SecretKey, Volume};
use tokio::sync::Mutex;

use crate::daemon::{Daemon, key};
use crate::initiator::{Initiator, Who};

#[derive(Debug, Default)]
pub(crate) struct TgtRig {
    world: Mutex<Option<World>>,
}

#[derive(Debug)]
struct World {
    daemon: Daemon,
    array: Arc<TgtArray>,
    initiators: BTreeMap<Connection, Initiator>,
}

impl World {
    /// Logs in as far as it is told to.
    async fn log_in(&mut self, login: &Login, whole: bool) -> Option<Connection> {
        let volumes = self.array.volumes().await.ok()?;
        let volume = volumes.iter().find(|volume| volume.name == login.volume)?;
        let who = Who {
            source: login.source,
            name: &login.initiator,
            chap: login.chap.as_ref(),
        };
        let (portal, target) = (self.daemon.portal, volume.target.as_str());
        let mut initiator = Initiator::authenticate(portal, target, &who).await.ok()?;
        if whole {
            initiator.finish().await.ok()?;
        }
        let connection = self.initiators.len() as Connection;
        self.initiators.insert(connection, initiator);
        Some(connection)
    }
}

#[async_trait]
impl Rig for TgtRig {
    async fn fresh(&self) -> Arc<dyn Array> {
        let daemon = Daemon::start().await;
        let array = Arc::new(daemon.array());
        *self.world.lock().await = Some(World {
            daemon,
            array: array.clone(),
            initiators: BTreeMap::new(),
        });
        array
    }

    fn key(&self) -> SecretKey {
        key()
    }

    fn sources(&self) -> [IpAddr; 2] {
        [[127, 0, 0, 2].into(), [127, 0, 0, 3].into()]
    }

    async fn log_in(&self, login: &Login) -> Option<Connection> {
        let mut world = self.world.lock().await;
        world.as_mut()?.log_in(login, true).await
    }

    async fn begin_log_in(&self, login: &Login) -> Option<Connection> {
        let mut world = self.world.lock().await;
        world.as_mut()?.log_in(login, false).await
    }

    async fn finish_log_in(&self, connection: Connection) -> bool {
        let mut world = self.world.lock().await;
        let world = world.as_mut();
        match world.and_then(|world| world.initiators.get_mut(&connection)) {
            Some(initiator) => initiator.finish().await.is_ok(),
            None => false,
        }
    }

    async fn write(&self, connection: Connection) -> bool {
        let mut world = self.world.lock().await;
        let world = world.as_mut();
        let Some(initiator) = world.and_then(|world| world.initiators.get_mut(&connection)) else {
            return false;
        };
        initiator.write(0, 1).await.is_ok()
    }

    async fn hold_write(&self, connection: Connection) -> bool {
        let mut world = self.world.lock().await;
        let Some(world) = world.as_mut() else {
            return false;
        };
        let Some(initiator) = world.initiators.get_mut(&connection) else {
            return false;
        };
        if initiator.write(0, 1).await.is_err() || File::create(world.daemon.slow()).is_err() {
            return false;
        }
        let sent = initiator.begin_write(0, 2).await.is_ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
        sent
    }

    async fn land_writes(&self) {
        if let Some(world) = &*self.world.lock().await {
            let _ = fs::remove_file(world.daemon.slow());
        }
    }

    async fn add_foreign_rule(&self, volume: &Volume) -> bool {
        let world = self.world.lock().await;
        let Some(world) = &*world else { return false };
        tgtadm(
            &world.daemon,
            &format!(
                "--op bind --mode target --tid {} -I ALL",
                number_of(&world.daemon, volume)
            ),
        );
        true
    }

    async fn restart(&self) {
        if let Some(world) = self.world.lock().await.as_mut() {
            world.daemon.restart().await;
        }
    }
}

/// What a person types; what it prints.
pub(crate) fn tgtadm(daemon: &Daemon, arguments: &str) -> String {
    let output = Command::new("tgtadm")
        .args(["--lld", "iscsi"])
        .args(arguments.split(' '))
        .env("TGT_IPC_SOCKET", daemon.folder.join("tgt.sock"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The number that the volume's target has now.
pub(crate) fn number_of(daemon: &Daemon, volume: &Volume) -> u32 {
    let shown = tgtadm(daemon, "--op show --mode target");
    let line = shown
        .lines()
        .find(|line| line.ends_with(volume.target.as_str()))
        .unwrap();
    let number = line
        .trim_start_matches("Target ")
        .split_once(':')
        .unwrap()
        .0;
    number.parse().unwrap()
}
