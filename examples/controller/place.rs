//! The store, and the certainty that nobody else uses it by mistake.

use std::fs::{File, TryLockError};
use std::mem::forget;
use std::path::Path;
use std::sync::Arc;

use coldspare_names::PoolName;
use coldspare_store::{MemoryStore, SqliteStore, Store};
#[cfg(feature = "etcd")]
use tokio::time::sleep;

use crate::Failure;
use crate::arguments::StoreAddress;
#[cfg(feature = "etcd")]
use crate::{log::in_full, site_of_record::REST};

/// A store that is open.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    /// Several controllers may use it: then one of them leads.
    pub(crate) shared: bool,
}

/// Opens the store, or the part of it that is the pool's.
#[cfg_attr(
    not(feature = "etcd"),
    expect(unused_variables, reason = "a store in a file serves one controller")
)]
pub(crate) async fn open(
    address: &StoreAddress,
    pool: Option<&PoolName>,
) -> Result<Place, Failure> {
    Ok(match address {
        StoreAddress::Memory => Place {
            store: Arc::new(MemoryStore::new()),
            shared: false,
        },
        StoreAddress::Sqlite(path) => {
            lock(path)?;
            Place {
                store: Arc::new(SqliteStore::open(path).await?),
                shared: false,
            }
        }
        #[cfg(feature = "etcd")]
        StoreAddress::Etcd(endpoints) => Place {
            store: Arc::new(etcd(endpoints, pool).await?),
            shared: true,
        },
        #[cfg(not(feature = "etcd"))]
        StoreAddress::Etcd(_) => {
            return Err(
                "this build lacks etcd: the feature \"etcd\" of the examples brings it".into(),
            );
        }
    })
}

/// The store, once there is a quorum.
#[cfg(feature = "etcd")]
async fn etcd(
    endpoints: &[String],
    pool: Option<&PoolName>,
) -> Result<coldspare_store::EtcdStore, Failure> {
    if !endpoints.iter().all(|endpoint| is_plain(endpoint)) {
        // What stands there may be a password.
        let told = "an endpoint of etcd is http://HOST:PORT, without TLS, user and password";
        return Err(told.into());
    }
    loop {
        match try_etcd(endpoints, pool).await {
            Err(failure) if may_retry(&*failure) => {
                let error = in_full(&*failure);
                tracing::warn!(error, "the store cannot be opened yet");
                sleep(REST).await;
            }
            ended => return ended,
        }
    }
}

#[cfg(feature = "etcd")]
fn is_plain(endpoint: &str) -> bool {
    let place = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    place.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['@', '/', ' ']) && is_port(port)
    })
}

#[cfg(feature = "etcd")]
fn may_retry(failure: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let error = failure.downcast_ref::<coldspare_store::Error>();
    error.is_some_and(coldspare_store::Error::may_retry)
}

/// Each pool that is looked after by itself has a part of its own, and its own leadership there. On
/// one etcd either all pools are looked after so, or none: no server has two masters.
#[cfg(feature = "etcd")]
async fn try_etcd(
    endpoints: &[String],
    pool: Option<&PoolName>,
) -> Result<coldspare_store::EtcdStore, Failure> {
    use coldspare_store::{EtcdStore, Expected, Key, Outcome, Txn, Value};

    let (ours, theirs) = match pool {
        None => ("all pools together", "each pool by itself"),
        Some(_) => ("each pool by itself", "all pools together"),
    };
    let shared = EtcdStore::connect(endpoints, &Key::new("coldspare/division")?).await?;
    let key = Key::new("looks-after")?;
    let mark = Txn::new().expect(key.clone(), Expected::Absent);
    let mark = mark.put(key.clone(), Value::new(ours)?);
    if let Outcome::Conflict(_) = shared.commit(&mark).await? {
        let found = shared.get(&key).await?;
        if found.is_none_or(|entry| entry.value.bytes() != ours.as_bytes()) {
            let told = format!("the controllers on this etcd look after {theirs}, not {ours}");
            return Err(told.into());
        }
    }
    let root = match pool {
        None => Key::of(&["coldspare"])?,
        Some(pool) => Key::of(&["coldspare", "pool", pool.as_str()])?,
    };
    Ok(EtcdStore::connect(endpoints, &root).await?)
}

/// A store in a file serves one controller, by whatever name. The file itself is locked until the
/// process ends, however; SQLite's own locks are of another kind.
fn lock(path: &Path) -> Result<(), Failure> {
    let failed = |reason: &str| format!("the store {}: {reason}", path.display());
    let lock = File::options().append(true).create(true).open(path);
    let lock = lock.map_err(|error| failed(&error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => {
            // Whoever closes a file loses SQLite's locks on it.
            forget(lock);
            Ok(())
        }
        Err(TryLockError::WouldBlock) => Err(failed("another controller uses the store").into()),
        Err(TryLockError::Error(error)) => Err(failed(&error.to_string()).into()),
    }
}
