//! Controllers as operators run them: processes of their own, on a store that outlives them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};
use std::time::Duration;

use coldspare::Reply;
use coldspare_examples::asking::{Answer, Request, exchange};
use coldspare_examples::tell;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::arguments::Choice;
use crate::controller::{ADDRESSES, PORT};
use crate::enclosure::ROOT;
use crate::lab::{LOOK, Log, SITE};
use crate::plant::{Process, log_file};

/// How long one that leads may not be heard of before another takes over: more than the longest call
/// that gives something on this site.
const LEASE: Duration = Duration::from_secs(11);
/// How long nobody may answer who leads: a lease, the longest call, and some for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// Where etcd is.
const ETCD: &str = "127.0.0.1:2379";

/// Builds the controller from this workspace, as this program was built; with everything that it can
/// be.
pub(crate) fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let (profile, options): (_, &[&str]) = if cfg!(debug_assertions) {
        ("debug", &[])
    } else {
        ("release", &["--release"])
    };
    let built = Blocking::new(env!("CARGO"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("CARGO_TARGET_DIR", folder)
        .args(["build", "--quiet", "--package", "coldspare-examples"])
        .args(["--example", "controller", "--features", "etcd"])
        .args(options)
        .status()?;
    if !built.success() {
        return Err("the controller cannot be built".into());
    }
    Ok(folder.join(profile).join("examples/controller"))
}

/// The controllers that run, and their store.
#[derive(Debug)]
pub(crate) struct Daemons {
    program: PathBuf,
    store: String,
    running: BTreeMap<&'static str, Child>,
    log: Log,
    _engine: Option<Process>,
}

impl Daemons {
    /// The store of the scenario's controllers, and the first of them, `a`. What they tell goes to
    /// the log.
    pub(crate) async fn begin(scenario: Choice, program: &Path, log: Log) -> Result<Self, Failure> {
        std::fs::write(site_file(), SITE.1)?;
        let (store, engine) = if scenario == Choice::Follower {
            (format!("etcd:http://{ETCD}"), Some(etcd().await?))
        } else {
            (format!("sqlite:{}", Self::STORE), None)
        };
        let mut daemons = Self {
            program: program.to_owned(),
            store,
            running: BTreeMap::new(),
            log,
            _engine: engine,
        };
        daemons.start("a")?;
        Ok(daemons)
    }

    /// Where the store of a single controller is.
    pub(crate) const STORE: &str = "/mnt/store.db";

    /// Starts the controller of that name. It may not answer yet.
    pub(crate) fn start(&mut self, name: &'static str) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["--name", name, "--store", &self.store, "--log", "json"])
            .args(["--lease", &LEASE.as_secs().to_string()])
            .args(["--site", &site_file()])
            .arg("--socket")
            .arg(socket(name))
            .arg("--hear")
            .args(ADDRESSES.map(|(ip, interface)| format!("{ip}:{PORT}@{interface}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(said) = child.stderr.take() {
            let file = File::options()
                .create(true)
                .append(true)
                .open(log_file(&format!("controller-{name}")))?;
            tokio::spawn(listen(said, file, self.log.clone()));
        }
        self.running.insert(name, child);
        Ok(())
    }

    /// Kills the controller of that name (-9), and waits for its end.
    pub(crate) async fn kill(&mut self, name: &str) -> io::Result<()> {
        match self.running.get_mut(name) {
            Some(child) => child.kill().await,
            None => Ok(()),
        }
    }

    /// Asks the one that leads, as soon as one does.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, Failure> {
        let answered = timeout(PATIENCE, async {
            loop {
                for name in self.running.keys() {
                    if let Some(reply) = self.answer(name, request).await {
                        return reply;
                    }
                }
                sleep(LOOK).await;
            }
        });
        let answered = answered.await;
        Ok(answered.map_err(|_| format!("no controller leads within {PATIENCE:?}"))?)
    }

    /// Whether the controller of that name leads.
    pub(crate) async fn leads(&self, name: &str) -> bool {
        self.answer(name, &Request::Status).await.is_some()
    }

    /// What the controller of that name answers, if it leads and knows its site.
    async fn answer(&self, name: &str, request: &Request) -> Option<Reply> {
        let stream = UnixStream::connect(socket(name)).await.ok()?;
        match exchange(stream, request).await {
            Ok(Answer::Reply(reply)) if !matches!(reply, Reply::Refused(_)) => Some(reply),
            _ => None,
        }
    }
}

fn site_file() -> String {
    format!("{ROOT}/site.toml")
}

fn socket(name: &str) -> String {
    format!("{ROOT}/{name}.sock")
}

/// One node: what becomes of several is told by the tests of clusters.
async fn etcd() -> Result<Process, Failure> {
    let (clients, peers) = (format!("http://{ETCD}"), "http://127.0.0.1:2380");
    let mut command = Command::new("etcd");
    command
        .args(["--data-dir", &format!("{ROOT}/etcd")])
        .args(["--listen-client-urls", &clients])
        .args(["--advertise-client-urls", &clients])
        .args(["--listen-peer-urls", peers])
        .args(["--initial-advertise-peer-urls", peers])
        .args(["--initial-cluster", &format!("default={peers}")]);
    let engine = Process::start("etcd", command)?;
    let up = timeout(PATIENCE, async {
        while TcpStream::connect(ETCD).await.is_err() {
            sleep(LOOK).await;
        }
    });
    up.await.map_err(|_| "etcd does not answer")?;
    Ok(engine)
}

/// Keeps what a controller says, and tells what it tells, until its end.
async fn listen(said: ChildStderr, mut file: File, log: Log) {
    let mut lines = BufReader::new(said).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A log that cannot be written is not what is tried here.
        let _ = writeln!(file, "{line}");
        if let Some(told) = tell::read(&line) {
            log.tell(told);
        }
    }
}
