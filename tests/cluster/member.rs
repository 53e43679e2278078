//! One of several controllers.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::engine::Engine;
use super::process::{Asker, Controller, Place, within};

pub(crate) const SITE: &str = "tests/cluster/site.toml";

/// How long a call that gives may take in this site.
pub(crate) const LONGEST: Duration = Duration::from_millis(500);

/// One of several controllers: a process that is begun again and again under its name.
pub(crate) struct Member {
    name: &'static str,
    lease: Duration,
    pool: Option<&'static str>,
    place: Place,
    /// Where it hears agents, for each path.
    ears: [SocketAddr; 2],
    process: Option<Controller>,
}

impl Member {
    /// It is not begun yet.
    pub(crate) fn new(engine: &Engine, name: &'static str, lease: Duration) -> Self {
        // Nobody connects from there, so that what is free stays free.
        let free = || UdpSocket::bind("127.0.0.77:0").unwrap();
        let ears = [free(), free()].map(|socket| socket.local_addr().unwrap());
        Self {
            name,
            lease,
            pool: None,
            place: Place::at(&engine.address()),
            ears,
            process: None,
        }
    }

    /// The same, of one pool.
    pub(crate) fn of_pool(self, pool: &'static str) -> Self {
        Self {
            pool: Some(pool),
            ..self
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.place.socket()
    }

    pub(crate) fn ears(&self) -> [SocketAddr; 2] {
        self.ears
    }

    pub(crate) fn begin(&mut self) {
        let (ears, lease) = (self.ears.map(|ear| ear.to_string()), self.lease.as_secs());
        let lease = lease.to_string();
        let mut arguments = vec!["--site", SITE, "--name", self.name, "--lease", &lease];
        arguments.extend(["--hear", &ears[0], &ears[1]]);
        arguments.extend(self.pool.into_iter().flat_map(|pool| ["--pool", pool]));
        self.process = Some(self.place.spawn(&arguments));
    }

    /// What it says when it cannot run.
    pub(crate) fn begin_in_vain(&self) -> String {
        let lease = self.lease.as_secs().to_string();
        let mut arguments = vec!["--site", SITE, "--lease", &lease];
        arguments.extend(self.pool.into_iter().flat_map(|pool| ["--pool", pool]));
        self.place.start_in_vain(&arguments)
    }

    /// What an operator is told, who asks it.
    pub(crate) fn ask(&self, expected: i32, arguments: &[&str]) -> String {
        self.place.ask(expected, arguments)
    }

    pub(crate) fn process(&mut self) -> &mut Controller {
        self.process.as_mut().unwrap()
    }

    /// Somebody who asks it, once it leads; and how long that took.
    #[track_caller]
    pub(crate) fn leads(&self) -> (Asker, Duration) {
        let began = Instant::now();
        let asker = within("it leads", || Asker::of_leader(&self.socket()));
        (asker, began.elapsed())
    }

    /// What it says of itself, unless it leads.
    pub(crate) fn says(&self) -> Option<String> {
        let answer = Asker::connect(&self.socket())?.ask(&json!({"verb": "status"}))?;
        Some(answer["reply"]["refused"].as_str()?.to_owned())
    }

    /// Waits until it says of itself that it follows, and whom.
    #[track_caller]
    pub(crate) fn follows(&self, whom: &str) {
        within("it follows", || {
            let said = self.says()?;
            said.ends_with(whom).then_some(())
        });
    }
}

/// Waits until one of them leads, and says which.
pub(crate) fn leader(members: &[Member]) -> usize {
    within("one leads", || {
        let leads = |member: &Member| Asker::of_leader(&member.socket()).is_some();
        members.iter().position(leads)
    })
}
