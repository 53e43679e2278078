//! A cluster of real etcd nodes on loopback: free ports, folders of its own, ended with the test.

use std::env;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use etcd_client::Client;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use links::{Isolated, Links};

mod links;

/// No cluster takes longer to be ready.
const LIMIT: Duration = Duration::from_secs(40);

/// Nodes of one cluster.
pub(crate) struct Cluster {
    folder: TempDir,
    nodes: Vec<Node>,
    links: Links,
    options: &'static [&'static str],
}

struct Node {
    name: String,
    client: String,
    /// Where it listens to other nodes.
    peer: String,
    /// Where other nodes reach it.
    advertised: String,
    process: Option<Child>,
}

impl Cluster {
    /// A ready cluster of that many nodes, with further options of etcd. None if etcd is not installed, which is said, or is a
    /// failure where everything must be there (`CI=true`).
    pub(crate) async fn start(size: usize, options: &'static [&'static str]) -> Option<Self> {
        if !is_installed() {
            let missing = "etcd is not installed (Debian: etcd-server)";
            assert!(env::var("CI").as_deref() != Ok("true"), "{missing}");
            // Past the test harness, which would keep it for itself.
            let _ = writeln!(io::stderr(), "NOT RUN: a test on etcd: {missing}");
            return None;
        }
        let mut links = Links::new();
        let mut nodes = Vec::new();
        for (number, [client, peer]) in free_addresses(size).into_iter().enumerate() {
            nodes.push(Node {
                name: format!("node-{number}"),
                client: url(client),
                peer: url(peer),
                advertised: url(links.lead_to(number, peer).await),
                process: None,
            });
        }
        let mut cluster = Self {
            folder: TempDir::new().unwrap(),
            nodes,
            links,
            options,
        };
        for number in 0..size {
            cluster.begin(number);
        }
        cluster.is_ready().await;
        Some(cluster)
    }

    /// Where clients reach the nodes.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.client.clone()).collect()
    }

    /// Ends a node at once (`kill -9`).
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.nodes[number].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Begins a node, with what it kept.
    pub(crate) fn begin(&mut self, number: usize) {
        let all: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("{}={}", node.name, node.advertised))
            .collect();
        let Node {
            name,
            client,
            peer,
            advertised,
            process,
        } = &mut self.nodes[number];
        let folder = self.folder.path().join(&name);
        // It dies with this thread, whatever becomes of it.
        let begun = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "etcd", "--name", name])
            .arg("--data-dir")
            .arg(folder)
            .args([
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
            ])
            .args([
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                advertised,
            ])
            .args(["--initial-cluster", &all.join(",")])
            .args(self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *process = Some(begun.unwrap());
    }

    /// Stops a node where it is (`SIGSTOP`).
    pub(crate) fn pause(&self, number: usize) {
        self.signal(number, "STOP");
    }

    /// Lets a stopped node go on.
    pub(crate) fn resume(&self, number: usize) {
        self.signal(number, "CONT");
    }

    /// Cuts a node off from the others, though not from its clients.
    pub(crate) async fn isolate(&self, node: usize) {
        let id = status(&self.nodes[node].client).await.unwrap().0;
        let id = format!("{id:x}");
        self.links.isolate(Some(Isolated { node, id }));
    }

    /// Lets all nodes hear each other again.
    pub(crate) fn rejoin(&self) {
        self.links.isolate(None);
    }

    fn signal(&self, number: usize, signal: &str) {
        let id = self.nodes[number].process.as_ref().unwrap().id();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status();
        assert!(sent.unwrap().success());
    }

    /// The node that leads, once one does and all that run agree.
    pub(crate) async fn leader(&self) -> usize {
        let found = async {
            loop {
                for (number, node) in self.nodes.iter().enumerate() {
                    if node.process.is_some() && leads(&node.client).await {
                        return number;
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(LIMIT, found)
            .await
            .expect("the cluster elects a leader in time")
    }

    /// Waits until every node answers.
    pub(crate) async fn is_ready(&self) {
        let ready = async {
            for node in &self.nodes {
                while !is_healthy(&node.client).await {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        timeout(LIMIT, ready)
            .await
            .expect("the cluster is ready in time");
    }

    /// Has etcd forget what led to what it holds now.
    pub(crate) async fn compact(&self) {
        let mut client = Client::connect(self.endpoints(), None).await.unwrap();
        let now = client
            .get("x", None)
            .await
            .unwrap()
            .header()
            .unwrap()
            .revision();
        client.compact(now, None).await.unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..self.nodes.len() {
            self.kill(number);
        }
    }
}

fn is_installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| env::split_paths(&path).any(|folder| is_file(&folder.join(program)));
    has("etcd") && has("setpriv")
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Two addresses on loopback for each node, where nobody listens; nor does anybody connect from
/// there, so that they stay free while a node is not there.
fn free_addresses(nodes: usize) -> Vec<[SocketAddr; 2]> {
    let listen = || TcpListener::bind("127.0.0.78:0").unwrap();
    let listeners: Vec<_> = (0..nodes).map(|_| [listen(), listen()]).collect();
    let address = |listener: &TcpListener| listener.local_addr().unwrap();
    let addresses = listeners.iter();
    addresses
        .map(|[client, peer]| [address(client), address(peer)])
        .collect()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

async fn is_healthy(endpoint: &str) -> bool {
    let asked = async {
        let mut client = Client::connect([endpoint], None).await?;
        client.get("x", None).await
    };
    matches!(timeout(Duration::from_secs(2), asked).await, Ok(Ok(_)))
}

async fn leads(endpoint: &str) -> bool {
    let status = status(endpoint).await;
    status.is_some_and(|(node, leader)| node == leader)
}

/// The node that answers there, and which one it takes for the leader.
async fn status(endpoint: &str) -> Option<(u64, u64)> {
    let asked = async { Client::connect([endpoint], None).await?.status().await };
    let status = timeout(Duration::from_secs(1), asked).await.ok()?.ok()?;
    Some((status.header()?.member_id(), status.leader()))
}
