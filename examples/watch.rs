//! A monitor and its agents, as real processes on loopback: kill one, stop one, and see what is
//! found.
//!
//! ```text
//! cargo run --release --example watch                    # three agents, a live table
//! cargo run --release --example watch -- --agents 50000  # and fifty thousand simulated ones
//! cargo run --release --example watch -- --json --kill 5 --for 15
//! ```
//!
//! Every agent process has two witnesses. Its *management controller* is the operating system, which
//! knows whether it runs (`kill -9`: off). Its *SAN session* is a pipe on which it writes once a
//! period (`kill -STOP`: on, but no more writes). A crowd of simulated senders has none that fail.

#[path = "watch/agent.rs"]
mod agent;
#[path = "watch/crowd.rs"]
mod crowd;
#[path = "watch/table.rs"]
mod table;

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use coldspare_heartbeat::udp::{Clock, Monitor};
use coldspare_heartbeat::{
    AgentKey, Answer, Enrolment, Finding, Path, Ports, Power, Profile, Question, Sessions, SiteKey,
    Slot, Start, Testimony, Watch,
};
use coldspare_names::{Generation, Time};
use serde::Serialize;

use agent::Agent;
use table::Table;

#[derive(Debug, Parser)]
#[command(about = "Watches agents on loopback, and tells what becomes of them")]
struct Arguments {
    /// How many agents run as processes of their own.
    #[arg(long, default_value_t = 3)]
    processes: u32,
    /// How many more senders are simulated by one task.
    #[arg(long, default_value_t = 0)]
    agents: u32,
    /// Beats every 100 ms, and a verdict within half a second.
    #[arg(long)]
    fast: bool,
    /// Kills the first agent after so many seconds.
    #[arg(long)]
    kill: Option<u64>,
    /// Ends after so many seconds.
    #[arg(long = "for")]
    seconds: Option<u64>,
    /// Prints every finding as a line of JSON, and nothing else.
    #[arg(long)]
    json: bool,
    /// Runs as an agent, told on its standard input what it needs: for the monitor's use.
    #[arg(long, hide = true)]
    agent: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    if arguments.agent {
        return agent::run().await;
    }
    watch(&arguments).await
}

/// A finding, and when it was found.
#[derive(Serialize)]
struct Line<'a> {
    at: f64,
    #[serde(flatten)]
    finding: &'a Finding,
}

async fn watch(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::start();
    let profile = if arguments.fast {
        Profile::fast()
    } else {
        Profile::default()
    };
    let period = profile.period;
    let paths: [SocketAddr; 2] = ["127.0.0.1:0".parse()?, "127.0.0.2:0".parse()?];
    let mut monitor = Monitor::bind(profile, paths[0], Some(paths[1]), clock)?;
    let monitors = [Path::First, Path::Second].map(|path| monitor.sockets().address(path));
    let [Some(first), Some(second)] = monitors else {
        return Err("the monitor has no address".into());
    };
    let started = clock.now();
    let site = random_key()?;

    let mut agents = Vec::new();
    for number in 0..arguments.processes {
        let key = enrol(&mut monitor, &site, number, Start::Booting, clock)?;
        agents.push(Agent::spawn(number, &key, [first, second], period, clock)?);
    }
    let mut crowd = Vec::new();
    for number in arguments.processes..arguments.processes + arguments.agents {
        crowd.push((
            number,
            enrol(&mut monitor, &site, number, Start::Booting, clock)?,
        ));
    }
    let crowd = crowd::send(crowd, [first, second], period, clock);
    tokio::pin!(crowd);

    let live = std::io::stdout().is_terminal() && !arguments.json;
    let mut table = Table::new(&agents, arguments.agents, live);
    let mut redraw = tokio::time::interval(Duration::from_millis(500));
    let kill = after(arguments.kill);
    let end = after(arguments.seconds);
    tokio::pin!(kill, end);
    let mut killed = false;
    loop {
        tokio::select! {
            biased;
            () = &mut end => return Ok(()),
            () = &mut kill, if !killed => {
                killed = true;
                if let Some(agent) = agents.first_mut() {
                    agent.kill()?;
                }
            }
            _ = redraw.tick() => table.draw(&monitor),
            found = monitor.next() => {
                let now = clock.now();
                for finding in &found {
                    if let Finding::Ask { slot, question, asked } = *finding {
                        answer(&mut monitor, &mut agents, slot, question, asked, clock);
                        continue;
                    }
                    table.note(finding);
                    if arguments.json {
                        let at = now.since(started).as_secs_f64();
                        println!("{}", serde_json::to_string(&Line { at, finding })?);
                    }
                }
            }
            sent = &mut crowd => return Err(sent),
        }
    }
}

/// A real site keeps its key in a file; this one lives as long as the monitor.
fn random_key() -> std::io::Result<SiteKey> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(SiteKey::new(bytes))
}

async fn after(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

fn enrol(
    monitor: &mut Monitor,
    site: &SiteKey,
    number: u32,
    start: Start,
    clock: Clock,
) -> Result<AgentKey, Box<dyn std::error::Error>> {
    let generation = Generation::NONE.next();
    let persona = format!("persona-{number}").parse()?;
    let key = site.agent(&persona, &format!("server-{number}").parse()?, generation);
    let enrolment = Enrolment {
        generation,
        watch: Watch::Agent,
        start,
        labels: [].into(),
        arrays: [].into(),
    };
    let slot = Slot::new(number)?;
    let intake = monitor.intake_mut();
    intake.enrol(slot, &enrolment, key.clone(), clock.now());
    Ok(key)
}

/// Asks the witnesses of an agent. Those of the crowd say that all is well.
fn answer(
    monitor: &mut Monitor,
    agents: &mut [Agent],
    slot: Slot,
    question: Question,
    asked: Time,
    clock: Clock,
) {
    let agent = agents.get_mut(slot.number() as usize);
    let answer = match (question, agent) {
        (Question::Probe(path), agent) => {
            if let Some(address) = agent.and_then(|agent| agent.address(path)) {
                monitor.probe(slot, path, address);
            }
            return;
        }
        (Question::Power, None) => Answer::Power(Power::On),
        (Question::Power, Some(agent)) => Answer::Power(agent.power()),
        (Question::Sessions, None) => Answer::Sessions(Sessions::LastWrite(clock.now())),
        (Question::Sessions, Some(agent)) => Answer::Sessions(agent.sessions()),
        // Loopback has no switch.
        (Question::Ports, _) => Answer::Ports(Ports::NoAnswer),
    };
    let testimony = Testimony { asked, answer };
    let detector = monitor.intake_mut().detector_mut();
    detector.testify(slot, testimony, clock.now());
}
