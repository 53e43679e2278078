//! Real processes: a controller in a place of its own, and those who ask it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use coldspare_store::{Key, Prefix, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take that should take a moment.
const LIMIT: Duration = Duration::from_mins(1);

/// The site's key.
pub(crate) const KEY: &str = "a key for tests";

/// The programs, built once.
struct Programs {
    controller: PathBuf,
    ctl: PathBuf,
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root()).args(["build", "--quiet"]);
        cargo.args([
            "--message-format",
            "json",
            "--package",
            "coldspare-examples",
        ]);
        cargo.args(["--example", "controller", "--example", "ctl"]);
        if cfg!(feature = "all") {
            cargo.args(["--features", "etcd"]);
        }
        let built = cargo.stderr(Stdio::inherit()).output().unwrap();
        assert!(built.status.success(), "the programs cannot be built");
        let built = String::from_utf8(built.stdout).unwrap();
        let find = |name: &str| {
            let messages = built
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let mut messages = messages.filter(|it: &Value| it["target"]["name"] == name);
            let program = messages.find_map(|it| Some(it["executable"].as_str()?.to_owned()));
            PathBuf::from(program.unwrap())
        };
        Programs {
            controller: find("controller"),
            ctl: find("ctl"),
        }
    })
}

/// A place of its own: a socket and a log, and a store, unless that is elsewhere.
pub(crate) struct Place {
    folder: TempDir,
    store: Option<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            store: None,
        }
    }

    /// The place of one of several controllers on that store.
    pub(crate) fn at(store: &str) -> Self {
        Self {
            store: Some(store.to_owned()),
            ..Self::new()
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Where its own store is.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// A controller, which may not answer yet.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Controller {
        self.spawn_by(Command::new(&programs().controller), arguments)
    }

    fn spawn_by(&self, mut command: Command, arguments: &[&str]) -> Controller {
        let log = self.folder.path().join("log");
        let own = || format!("sqlite:{}", self.file().display());
        command
            .current_dir(root())
            .env("COLDSPARE_SITE_KEY", KEY)
            .arg("--socket")
            .arg(self.socket())
            .arg("--store")
            .arg(self.store.clone().unwrap_or_else(own))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        Controller {
            process: command.spawn().unwrap(),
            log,
        }
    }

    /// A controller that knows its site.
    pub(crate) fn start(&self, arguments: &[&str]) -> Controller {
        self.answering(self.spawn(arguments))
    }

    /// The same, begun by something that decides which signals it ignores.
    pub(crate) fn start_by(&self, before: &[&str], arguments: &[&str]) -> Controller {
        let mut command = Command::new(before[0]);
        command.args(&before[1..]).arg(&programs().controller);
        self.answering(self.spawn_by(command, arguments))
    }

    fn answering(&self, mut controller: Controller) -> Controller {
        within("it answers", || {
            let ended = controller.process.try_wait().unwrap();
            assert_eq!(ended, None, "{}", controller.log());
            UnixStream::connect(self.socket()).ok()
        });
        self.ask(0, &["status"]);
        controller
    }

    /// What is said by a controller that cannot run.
    pub(crate) fn start_in_vain(&self, arguments: &[&str]) -> String {
        let mut controller = self.spawn(arguments);
        let ended = controller.ended();
        assert_eq!(ended.code(), Some(2), "{}", controller.log());
        controller.log()
    }

    /// The tool with which an operator asks.
    pub(crate) fn ctl(&self) -> Command {
        let mut command = Command::new(&programs().ctl);
        command.current_dir(root());
        command.arg("--socket").arg(self.socket());
        command
    }

    /// What an operator is told, who asks until the controller knows its site.
    pub(crate) fn ask(&self, expected: i32, arguments: &[&str]) -> String {
        within("it knows its site", || {
            let output = self.ctl().args(arguments).output().unwrap();
            let told = [output.stdout, output.stderr].concat();
            let told = String::from_utf8(told).unwrap();
            let early = [
                "has not been read",
                "being found out",
                "ask again",
                "the controller stops",
                "does not say who leads",
            ];
            if early.iter().any(|early| told.contains(early)) {
                return None;
            }
            assert_eq!(
                output.status.code(),
                Some(expected),
                "{arguments:?}: {told}"
            );
            Some(told)
        })
    }
}

/// Every line of the audit journal, in the order in which they were committed.
pub(crate) async fn journal(store: &dyn Store) -> Vec<Value> {
    let below = Prefix::below(&Key::new("journal").unwrap());
    let lines = store.list(&below).await.unwrap().entries;
    let mut lines: Vec<_> = lines.into_values().collect();
    lines.sort_by_key(|line| line.revision);
    let lines = lines.iter().map(|line| line.value.bytes());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// A controller's process. It ends with the test.
pub(crate) struct Controller {
    process: Child,
    log: PathBuf,
}

impl Controller {
    /// Ends it at once, wherever it is.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end, and says how it did.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.ended().code()
    }

    /// Stops it where it is (`STOP`), lets it go on (`CONT`), or asks it to end (`TERM`, `HUP`).
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        within("it ends", || self.process.try_wait().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Somebody who asks without the tool, over one connection.
pub(crate) struct Asker(BufReader<UnixStream>);

impl Asker {
    /// `None`: no controller answers now.
    pub(crate) fn connect(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Some(Self(BufReader::new(stream)))
    }

    /// `None`: nobody answers there who leads.
    pub(crate) fn of_leader(socket: &Path) -> Option<Self> {
        let mut asker = Self::connect(socket)?;
        let answer = asker.ask(&json!({"verb": "status"}))?;
        answer["reply"]["status"].is_object().then_some(asker)
    }

    /// The answer; `None`: the controller has gone away.
    pub(crate) fn ask(&mut self, request: &Value) -> Option<Value> {
        self.send(request)?;
        self.answer()
    }

    pub(crate) fn send(&mut self, request: &Value) -> Option<()> {
        let line = format!("{request}\n");
        self.0.get_mut().write_all(line.as_bytes()).ok()
    }

    pub(crate) fn answer(&mut self) -> Option<Value> {
        let mut answer = String::new();
        self.0.read_line(&mut answer).ok()?;
        let answer = serde_json::from_str::<Value>(&answer).ok()?;
        (answer != "stopping").then_some(answer)
    }
}

/// Waits for something that comes in a moment.
#[allow(
    clippy::disallowed_methods,
    reason = "these are real processes, in real time"
)]
#[track_caller]
pub(crate) fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
