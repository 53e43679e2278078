//! A tgtd of our own: its own socket, a free port, ended by its own id.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, io, process};

use coldspare_san::tgt::{TgtArray, TgtSettings};
use coldspare_san::{Portal, SecretKey};

#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) folder: PathBuf,
    pub(crate) portal: SocketAddr,
    child: Child,
}

/// What a test needs and this machine lacks; with `CI=true` that is a failure, otherwise it is said.
pub(crate) fn is_everything_there(test: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &&str| env::split_paths(&path).any(|folder| folder.join(program).exists());
    let needed = ["tgtd", "tgtadm", "setpriv", "iscsi-inq", "iscsi-ls", "cc"];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|program| !is_there(program))
        .collect();
    if missing.is_empty() {
        return true;
    }
    let said = format!(
        "NOT RUN: {test}: {missing:?} missing. As root: apt-get install tgt libiscsi-bin util-linux gcc libc6-dev"
    );
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{said}");
    // Past the test harness, which would keep it to itself.
    let _ = writeln!(io::stderr(), "{said}");
    false
}

impl Daemon {
    pub(crate) async fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("coldspare-tgt-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        let mut daemon = Self {
            child: spawn(&folder, port),
            folder,
            portal: port,
        };
        daemon.wait_until_up().await;
        daemon
    }

    /// Killed (-9) and started again.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.portal);
        self.wait_until_up().await;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn array(&self) -> TgtArray {
        array_in(&self.folder, self.portal)
    }

    /// As long as this file is there, no write lands.
    pub(crate) fn slow(&self) -> PathBuf {
        self.folder.join("slow")
    }

    async fn wait_until_up(&mut self) {
        for _ in 0..500 {
            let socket = self.folder.join("tgt.sock.0");
            if UnixStream::connect(socket).is_ok() && TcpStream::connect(self.portal).is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert_eq!(
                ended,
                None,
                "{}",
                fs::read_to_string(self.folder.join("log")).unwrap()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("tgtd does not come up within 5 s");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The adapter of the tgtd whose socket is in that folder.
pub(crate) fn array_in(folder: &Path, portal: SocketAddr) -> TgtArray {
    let settings = TgtSettings {
        socket: folder.join("tgt.sock"),
        directory: folder.join("images"),
        portals: vec![Portal::new(portal)],
        naming: "iqn.2026-11.com.example:tgt".parse().unwrap(),
        limit: Duration::from_secs(5),
    };
    TgtArray::new("tgt".parse().unwrap(), settings, key()).unwrap()
}

pub(crate) fn key() -> SecretKey {
    SecretKey::new([7; 32])
}

fn spawn(folder: &Path, portal: SocketAddr) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "tgtd", "-f", "-C", "0", "--iscsi"])
        .arg(format!("portal={portal}"))
        .env("TGT_IPC_SOCKET", folder.join("tgt.sock"))
        .env("LD_PRELOAD", slow_write())
        .env("SLOW_WRITE", folder.join("slow"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// The library that holds writes up, built once.
fn slow_write() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tgt/slow_write.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow_write.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&built, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        built
    })
}
