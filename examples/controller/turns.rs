//! Several controllers on one etcd: one leads, the others follow and do nothing.

use coldspare::leading::{Contest, Lease, Standing};
use coldspare_store::Key;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::door::Host;
use crate::{Daemon, Failure};

/// Looks after the site whenever it leads, until it is told to stop; then others can take over at
/// once.
pub(crate) async fn take(daemon: &Daemon<'_>) -> Result<(), Failure> {
    let name = &daemon.arguments.name;
    let started = daemon.clock.now().since_epoch().as_nanos().to_string();
    let contest = Contest::new(
        daemon.store.clone(),
        Key::new("controller")?,
        Key::of(&[name.as_str(), &started])?,
        daemon.arguments.lease(),
        daemon.clock,
    )?;
    let standing = contest.standing();
    let (stop, stopped) = oneshot::channel();
    let mut contests = JoinSet::new();
    contests.spawn(contest.run(async {
        // Gone without a word: it stops too.
        let _: Result<(), _> = stopped.await;
    }));
    let ended = alternate(daemon, standing).await;
    drop(stop);
    // It resigns.
    contests.join_next().await;
    ended
}

async fn alternate(
    daemon: &Daemon<'_>,
    mut standing: watch::Receiver<Standing>,
) -> Result<(), Failure> {
    let mut told_to_stop = daemon.told_to_stop.clone();
    loop {
        let now = standing.borrow_and_update().clone();
        if let Some(lease) = Lease::of(standing.clone(), daemon.clock) {
            let mut lost = lease.clone();
            tokio::select! {
                ended = daemon.look_after(Some(lease)) => return ended,
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
