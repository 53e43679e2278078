//! Several controllers on one etcd: one leads, the others follow and do nothing.

use std::sync::Arc;
use std::time::Duration;

use coldspare::leading::{Contest, Lease, Standing};
use coldspare::site::Site;
use coldspare::{Ending, longest_give};
use coldspare_store::Key;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;

use crate::door::Host;
use crate::{Daemon, Failure};

/// Looks after the site whenever it leads, until it is told to stop; then others can take over at
/// once. A lease lasts `length`.
pub(crate) async fn take(daemon: &Daemon<'_>, length: Duration) -> Result<(), Failure> {
    // Whoever could not lead does not stand: it would keep those from leading who can.
    if daemon.site_of_record().await?.is_none() {
        return Ok(());
    }
    let name = &daemon.arguments.name;
    let started = daemon.clock.now().since_epoch().as_nanos().to_string();
    let contest = Contest::new(
        daemon.store.clone(),
        Key::new("controller")?,
        Key::of(&[name.as_str(), &started])?,
        length,
        daemon.clock,
    )?;
    let (standing, anew) = (contest.standing(), contest.anew());
    let (stop, stopped) = oneshot::channel();
    let mut contests = JoinSet::new();
    contests.spawn(contest.run(async {
        // Gone without a word: it stops too.
        let _: Result<(), _> = stopped.await;
    }));
    let ended = alternate(daemon, standing, &anew).await;
    drop(stop);
    // It resigns.
    contests.join_next().await;
    ended
}

/// That whoever leads for that long at a time may give something on the site.
pub(crate) fn check(lease: Option<Duration>, site: &Site) -> Result<(), String> {
    let longest = longest_give(site);
    match lease {
        Some(lease) if lease <= longest => Err(format!(
            "a lease of {lease:?} does not outlast the longest call that gives a server something \
             on this site, {longest:?}: give every controller a longer --lease, or shorten the \
             site's call limits"
        )),
        _ => Ok(()),
    }
}

async fn alternate(
    daemon: &Daemon<'_>,
    mut standing: watch::Receiver<Standing>,
    anew: &Arc<Notify>,
) -> Result<(), Failure> {
    let mut told_to_stop = daemon.told_to_stop.clone();
    loop {
        let now = standing.borrow_and_update().clone();
        if let Some(lease) = Lease::of(standing.clone(), daemon.clock) {
            let mut lost = lease.clone();
            tokio::select! {
                ended = daemon.look_after(Some(lease)) => match ended? {
                    Ending::Stopped => return Ok(()),
                    Ending::AnotherSite(_) => {
                        anew.notify_one();
                        lost.lost().await;
                    }
                },
                () = lost.lost() => tracing::warn!("its lease is over: it stops at once, and follows"),
            }
            continue;
        }
        let leader = match &now {
            Standing::Follows { leader } => format!("{} leads", readable(leader)),
            Standing::Outside | Standing::Leads(_) => "the store does not say who leads".to_owned(),
        };
        tracing::info!(leader, "follows");
        let (_open, ended) = watch::channel(false);
        let mut visits = JoinSet::new();
        visits.spawn(daemon.door.clone().serve(Host::Follows { leader }, ended));
        tokio::select! {
            _ = standing.changed() => {}
            _ = told_to_stop.wait_for(|told| *told) => return Ok(()),
        }
    }
}

/// The name of a controller, without when it was started.
fn readable(who: &str) -> &str {
    who.rsplit_once('/').map_or(who, |(name, _)| name)
}
