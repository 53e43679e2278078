//! Which site counts. After the first start it is the store's: a file that differs is told as a
//! difference, and used only when somebody says so (`ctl apply`).

use std::time::Duration;

use coldspare::command::Actor;
use coldspare::record::{JournalLine, SiteOnRecord, SiteParts, Unreadable, commit, load, site_of};
use coldspare::site::Site;
use coldspare_names::{PoolName, Time};
use coldspare_store::{Outcome, Store, Txn};
use tokio::time::sleep;

use crate::Failure;
use crate::log::in_full;

/// How long a store that cannot be reached is left alone.
pub(crate) const REST: Duration = Duration::from_secs(1);

/// The site of record. If there is none yet, the file's becomes it.
pub(crate) async fn settle(
    store: &dyn Store,
    file: Option<&Site>,
    now: Time,
) -> Result<Site, Failure> {
    loop {
        let settled = try_to_settle(store, file, now).await;
        match settled {
            Err(Hindrance::Store(error)) if error.may_retry() => {
                tracing::warn!(
                    error = in_full(&error),
                    "the site of record is not known yet"
                );
                sleep(REST).await;
            }
            Err(Hindrance::Store(error)) => return Err(error.into()),
            Err(Hindrance::Other(reason)) => return Err(reason.into()),
            Ok(None) => {}
            Ok(Some(site)) => {
                let file = file.filter(|file| **file != site);
                for change in file.into_iter().flat_map(|file| site.difference(file)) {
                    tracing::warn!(%change, "the file differs from the site on record, which is used");
                }
                return Ok(site);
            }
        }
    }
}

/// That the site on record is the one that the controller is to look after: the pool's, or whole.
pub(crate) fn check(site: &Site, pool: Option<&PoolName>) -> Result<(), Failure> {
    match pool {
        Some(pool) if !site.pools.keys().eq([pool]) => {
            let kept: Vec<_> = site.pools.keys().map(PoolName::as_str).collect();
            let kept = kept.join(", ");
            Err(format!("the store keeps a site with the pools {kept}, not {pool} alone").into())
        }
        _ => Ok(()),
    }
}

enum Hindrance {
    Store(coldspare_store::Error),
    Other(String),
}

impl From<coldspare_store::Error> for Hindrance {
    fn from(error: coldspare_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Unreadable> for Hindrance {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Store(error) => Self::Store(error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<String> for Hindrance {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

/// `None`: another controller was faster in recording its own.
async fn try_to_settle(
    store: &dyn Store,
    file: Option<&Site>,
    now: Time,
) -> Result<Option<Site>, Hindrance> {
    let record = load(store, &[]).await?.record;
    if let Some(site) = site_of(&record)? {
        return Ok(Some(site));
    }
    let Some(file) = file else {
        return Err("no site is on record: give one with --site"
            .to_owned()
            .into());
    };
    let line = JournalLine {
        at: now,
        actor: Actor::Controller,
        what: format!("record the site {}", file.name),
    };
    let (line_key, line) = line.entry(0)?;
    let parts = SiteParts::of(file)?;
    let found = SiteOnRecord::in_record(&record);
    let txn = found.replaced_by(&parts, Txn::new().put(line_key, line));
    Ok(match commit(store, &parts.commits(), &txn).await? {
        Outcome::Committed(_) => Some(file.clone()),
        Outcome::Conflict(_) => None,
    })
}
