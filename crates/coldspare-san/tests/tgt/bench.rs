//! A volume on a tgtd of our own, and those who want to reach it.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use coldspare_names::{Generation, VolumeName};
use coldspare_san::tgt::TgtArray;
use coldspare_san::{
    Admission, Array, Chap, Patience, ShutOut, Size, Volume, VolumeSpec, admit, chap,
};
use secrecy::ExposeSecret;

use crate::daemon::{Daemon, is_everything_there, key};
use crate::initiator::{Initiator, Who};

pub(crate) const INITIATOR: &str = "iqn.2026-11.com.example:persona";
pub(crate) const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(10),
    pause: Duration::from_millis(20),
};

#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) daemon: Daemon,
    pub(crate) array: TgtArray,
    pub(crate) volume: Volume,
    pub(crate) image: PathBuf,
}

impl Bench {
    /// None where a real part is missing, which has been said.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        if !is_everything_there(test) {
            return None;
        }
        let daemon = Daemon::start().await;
        let array = daemon.array();
        let volume = array.create(&spec("image")).await.unwrap();
        let files = fs::read_dir(daemon.folder.join("images"))
            .unwrap()
            .flatten();
        let mut images = files.map(|file| file.path());
        let image = images.find(|path| path.extension().is_some_and(|end| end == "img"));
        Some(Self {
            image: image.unwrap(),
            daemon,
            array,
            volume,
        })
    }

    pub(crate) async fn log_in(&self, admission: &Admission) -> std::io::Result<Initiator> {
        let chap = chap_of(admission);
        let target = self.volume.target.as_str();
        Initiator::log_in(self.daemon.portal, target, &who(admission, &chap)).await
    }

    /// It has shown its secret, and is not in yet.
    pub(crate) async fn half_open(&self, admission: &Admission) -> Initiator {
        let chap = chap_of(admission);
        let (portal, target) = (self.daemon.portal, self.volume.target.as_str());
        let who = who(admission, &chap);
        let half = Initiator::authenticate(portal, target, &who).await;
        half.unwrap()
    }

    /// Admits that server, which logs in.
    pub(crate) async fn hold(&self, admission: &Admission) -> Initiator {
        admit(&self.array, &self.volume.name, admission)
            .await
            .unwrap();
        self.log_in(admission).await.unwrap()
    }
}

pub(crate) fn spec(name: &str) -> VolumeSpec {
    VolumeSpec {
        name: name.parse().unwrap(),
        size: Size::bytes(4 << 20).unwrap(),
        thin: true,
    }
}

/// The persona on the server whose SAN address is `127.0.0.<server>`.
pub(crate) fn admission(server: u8, generation: u64) -> Admission {
    Admission {
        initiator: INITIATOR.parse().unwrap(),
        server: format!("server-{server}").parse().unwrap(),
        generation: Generation::new(generation),
        addresses: BTreeSet::from([IpAddr::from([127, 0, 0, server])]),
    }
}

/// That server is to be shut out up to that generation.
pub(crate) fn request(bench: &Bench, server: u8, up_to: u64) -> ShutOut {
    request_for(bench.volume.name.clone(), server, up_to)
}

pub(crate) fn request_for(volume: VolumeName, server: u8, up_to: u64) -> ShutOut {
    let Admission {
        initiator,
        server,
        generation,
        addresses,
    } = admission(server, up_to);
    ShutOut {
        server,
        addresses,
        initiator: Some(initiator),
        up_to: generation,
        volumes: BTreeSet::from([volume]),
        stamp: generation.next(),
        spared: BTreeSet::new(),
    }
}

/// Whether libiscsi's own tool gets in under that name, with the secret of that admission.
pub(crate) fn intrudes(bench: &Bench, name: &str, admission: Option<&Admission>) -> bool {
    let account = admission.map(chap_of).map_or_else(String::new, |chap| {
        format!("{}%{}@", chap.user, chap.secret.expose_secret())
    });
    let (portal, target) = (bench.daemon.portal, &bench.volume.target);
    let inquiry = Command::new("timeout")
        .args(["5", "iscsi-inq", "-i", name])
        .arg(format!("iscsi://{account}{portal}/{target}/1"))
        .output();
    inquiry.unwrap().status.success()
}

fn chap_of(admission: &Admission) -> Chap {
    let Admission {
        initiator,
        server,
        generation,
        ..
    } = admission;
    chap(&key(), initiator, server, *generation)
}

fn who<'a>(admission: &Admission, chap: &'a Chap) -> Who<'a> {
    Who {
        source: *admission.addresses.first().unwrap(),
        name: INITIATOR,
        chap: Some(chap),
    }
}
