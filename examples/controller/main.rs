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
//!
//! Exit status: 0 stopped as told, 2 it could not run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use coldspare::site::Site;
use coldspare::{Clock, Core, Ending, Estimates, Shell, connect};
use coldspare_names::Time;
use coldspare_store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

mod arguments;
mod door;
mod hearing;
mod log;
mod place;
mod site_of_record;

use arguments::Arguments;
use door::Door;
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
            eprintln!("the controller cannot run: {}", log::in_full(&*failure));
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut told_to_stop = told_to_stop()?;
    let file = arguments.site.as_ref().map(Site::load).transpose()?;
    let place = place::open(&arguments.store).await?;
    let clock = clock()?;
    let site = tokio::select! {
        site = site_of_record::settle(&*place.store, file, clock.now()) => site?,
        _ = told_to_stop.wait_for(|told| *told) => return Ok(()),
    };
    let mut site = Arc::new(site);
    let door = Door::open(&arguments.socket)?;
    tracing::info!(name = arguments.name, site = %site.name, socket = %arguments.socket.display(), "ready");
    loop {
        let store = place.store.clone();
        match control(arguments, site, store, clock, &door, told_to_stop.clone()).await? {
            Ending::Stopped => break,
            Ending::AnotherSite(other) => site = other,
        }
        tracing::info!(site = %site.name, "starts anew: the site's devices are others");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Looks after the site until there is a reason to end.
async fn control(
    arguments: &Arguments,
    site: Arc<Site>,
    store: Arc<dyn Store>,
    clock: Clock,
    door: &Door,
    mut told_to_stop: watch::Receiver<bool>,
) -> Result<Ending, Failure> {
    let mut devices = connect(&site)?;
    let hearing = Hearing::begin(&arguments.hear, clock, &mut devices).await?;
    let core = Core::new(
        site.clone(),
        devices.bind(),
        Estimates::default(),
        clock.now(),
    )?;
    let (shell, handle, told) = Shell::new(site.clone(), devices, store, clock);
    let _agents = hearing.go_on(&site, &handle);

    let (ending, ended) = watch::channel(false);
    let asked = tokio::spawn(door.clone().serve(handle.clone(), ended));
    let stopping = tokio::spawn(async move {
        if told_to_stop.wait_for(|told| *told).await.is_ok() {
            handle.stop().await;
        }
    });
    let (end, ()) = tokio::join!(shell.run(core), log::tell(told));
    ending.send_replace(true);
    stopping.abort();
    if timeout(FAREWELL, asked).await.is_err() {
        tracing::warn!("somebody who asked did not wait for the answer");
    }
    Ok(end)
}

/// Becomes true on an interrupt, or when the system asks the process to terminate.
fn told_to_stop() -> Result<watch::Receiver<bool>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("told to stop");
        tell.send_replace(true);
        // What is told stays told.
        tell.closed().await;
    });
    Ok(told)
}

/// Time since 1970, so that what is recorded means the same after a restart.
#[expect(clippy::disallowed_methods, reason = "this is the daemon's clock")]
fn clock() -> Result<Clock, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Clock::showing(Time::after_epoch(since)))
}
