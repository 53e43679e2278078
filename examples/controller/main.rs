//! The controller as a daemon: it looks after a site until it is told to stop.
//!
//! ```text
//! cargo run --release --example controller -- --site SITE.toml --store sqlite:/var/lib/coldspare.db
//! cargo run --release --example ctl -- status
//! ```
//!
//! | room | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `log` | what is logged |
//! | `place` | the store, and the certainty that nobody else uses it by mistake |
//! | `site_of_record` | which site counts: the file's, or the store's |
//! | `hearing` | agents: their heartbeats, and their connections |
//! | `door` | the socket at which operators ask |
//! | `turns` | several controllers on one etcd: one leads, the others follow |
//!
//! Exit status: 0 stopped as told, 2 it could not run.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use coldspare::leading::Lease;
use coldspare::site::Site;
use coldspare::watch::tell_changes;
use coldspare::{Clock, Core, Ending, Estimates, Shell, connect};
use coldspare_names::{PoolName, Time};
use coldspare_store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

mod arguments;
mod door;
mod hearing;
mod log;
mod place;
mod site_of_record;
mod turns;

use arguments::Arguments;
use door::{Door, Host};
use hearing::Hearing;

/// Why it cannot run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long those who were answered last may take to read it.
const FAREWELL: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::begin(arguments.log, arguments.log_level);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let why = log::in_full(&*failure);
            // Nobody reads it: the exit status says it too.
            let _ = writeln!(io::stderr(), "the controller cannot run: {why}");
            ExitCode::from(2)
        }
    }
}

/// What stays the same for as long as the process runs.
struct Daemon<'a> {
    arguments: &'a Arguments,
    file: Option<Site>,
    store: Arc<dyn Store>,
    clock: Clock,
    door: Door,
    /// How long a lease lasts, if one of several controllers leads.
    lease: Option<Duration>,
    told_to_stop: watch::Receiver<bool>,
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut told_to_stop = told_to_stop()?;
    let pool = arguments.pool.as_ref();
    let file = arguments.site.as_ref().map(Site::load).transpose()?;
    let file = match (file, pool) {
        (Some(site), Some(pool)) => Some(site.of_pool(pool)?),
        (file, _) => file,
    };
    let place = tokio::select! {
        place = place::open(&arguments.store, pool) => place?,
        _ = told_to_stop.wait_for(|told| *told) => return Ok(()),
    };
    let daemon = Daemon {
        arguments,
        file,
        store: place.store.clone(),
        clock: clock()?,
        door: Door::open(&arguments.socket)?,
        lease: place.shared.then(|| arguments.lease()),
        told_to_stop,
    };
    match daemon.lease {
        Some(length) => turns::take(&daemon, length).await?,
        None => while let Ending::AnotherSite(_) = daemon.look_after(None).await? {},
    }
    tracing::info!("stopped");
    Ok(())
}

impl Daemon<'_> {
    /// Looks after the site until it is told to stop, or another site is on record, with other
    /// devices. Dropped, it stops at once.
    async fn look_after(&self, lease: Option<Lease>) -> Result<Ending, Failure> {
        let Some(site) = self.site_of_record().await? else {
            return Ok(Ending::Stopped);
        };
        let name = &self.arguments.name;
        let pool = self.arguments.pool.as_ref().map(PoolName::as_str);
        tracing::info!(name, site = %site.name, pool, "looks after the site");
        let ending = self.control(Arc::new(site), lease).await?;
        if let Ending::AnotherSite(_) = ending {
            tracing::info!("starts anew: the site's devices are others");
        }
        Ok(ending)
    }

    /// The site of record, if it can be looked after; `None`: it was told to stop before it was known.
    async fn site_of_record(&self) -> Result<Option<Site>, Failure> {
        let mut told_to_stop = self.told_to_stop.clone();
        let file = self.file.as_ref();
        let site = tokio::select! {
            site = site_of_record::settle(&*self.store, file, self.clock.now()) => site?,
            _ = told_to_stop.wait_for(|told| *told) => return Ok(None),
        };
        site_of_record::check(&site, self.arguments.pool.as_ref())?;
        turns::check(self.lease, &site)?;
        Ok(Some(site))
    }

    /// Looks after the site as it is, until there is a reason to end.
    async fn control(&self, site: Arc<Site>, lease: Option<Lease>) -> Result<Ending, Failure> {
        let (arguments, clock) = (self.arguments, self.clock);
        let mut devices = connect(&site)?;
        let hearing = Hearing::begin(&arguments.hear, clock, &mut devices).await?;
        let core = Core::new(
            site.clone(),
            devices.bind(),
            Estimates::default(),
            clock.now(),
        )?;
        let watched = devices.clone();
        let (shell, handle, told) = Shell::new(site.clone(), devices, self.store.clone(), clock);
        let shell = match lease {
            Some(lease) => shell.led_by(lease),
            None => shell,
        };

        let mut tasks = hearing.go_on(&site, &handle);
        let (seen, changes) = mpsc::unbounded_channel();
        tasks.spawn(tell_changes(watched, clock, seen));
        tasks.spawn(log::tell(changes, arguments.log));
        let (ending, ended) = watch::channel(false);
        let mut visits = JoinSet::new();
        let host = Host::Leads {
            controller: handle.clone(),
            pool: arguments.pool.clone(),
            lease: self.lease,
        };
        visits.spawn(self.door.clone().serve(host, ended));
        let mut told_to_stop = self.told_to_stop.clone();
        tasks.spawn(async move {
            if told_to_stop.wait_for(|told| *told).await.is_ok() {
                handle.stop().await;
            }
        });
        let (end, ()) = tokio::join!(shell.run(core), log::tell(told, arguments.log));
        ending.send_replace(true);
        if timeout(FAREWELL, visits.join_next()).await.is_err() {
            tracing::warn!("somebody who asked did not wait for the answer");
        }
        Ok(end)
    }
}

/// Becomes true on an interrupt, when the system asks the process to terminate, or when its terminal
/// goes away, unless it was begun so as to outlive that (`nohup`).
fn told_to_stop() -> Result<watch::Receiver<bool>, Failure> {
    let outlives_terminal = ignores_hang_ups();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv(), if !outlives_terminal => {}
        }
        tracing::info!("told to stop");
        tell.send_replace(true);
        // What is told stays told.
        tell.closed().await;
    });
    Ok(told)
}

/// Whether whoever began this process has it ignore that its terminal goes away: see `proc(5)`.
fn ignores_hang_ups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// Time since 1970, so that what is recorded means the same after a restart.
#[expect(clippy::disallowed_methods, reason = "this is the daemon's clock")]
fn clock() -> Result<Clock, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Clock::showing(Time::after_epoch(since)))
}
