//! The store, and the certainty that nobody else uses it by mistake.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use coldspare_names::PoolName;
use coldspare_store::{MemoryStore, SqliteStore, Store};

use crate::Failure;
use crate::arguments::StoreAddress;

/// A store that is open.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    /// Several controllers may use it: then one of them leads.
    pub(crate) shared: bool,
    /// Held for as long as the store is used; the system frees it when the process ends, however.
    _lock: Option<File>,
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
            _lock: None,
        },
        StoreAddress::Sqlite(path) => Place {
            _lock: Some(lock(path)?),
            store: Arc::new(SqliteStore::open(path).await?),
            shared: false,
        },
        #[cfg(feature = "etcd")]
        StoreAddress::Etcd(endpoints) => Place {
            store: Arc::new(etcd(endpoints, pool).await?),
            shared: true,
            _lock: None,
        },
        #[cfg(not(feature = "etcd"))]
        StoreAddress::Etcd(_) => {
            return Err(
                "this build lacks etcd: the feature \"etcd\" of the examples brings it".into(),
            );
        }
    })
}

/// Each pool that is looked after by itself has a part of its own, and its own leadership there. On
/// one etcd either all pools are looked after so, or none: no server has two masters.
#[cfg(feature = "etcd")]
async fn etcd(
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

/// A store in a file serves one controller.
fn lock(path: &Path) -> Result<File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let failed = |reason: String| format!("{}: {reason}", Path::new(&name).display());
    let lock = File::create(&name).map_err(|error| failed(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(failed("another controller uses the store".to_owned()).into())
        }
        Err(TryLockError::Error(error)) => Err(failed(error.to_string()).into()),
    }
}
