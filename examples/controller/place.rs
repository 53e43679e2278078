//! The store, and the certainty that nobody else uses it by mistake.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

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

/// Opens the store.
pub(crate) async fn open(address: &StoreAddress) -> Result<Place, Failure> {
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
        StoreAddress::Etcd(endpoints) => {
            let root = coldspare_store::Key::new("coldspare")?;
            Place {
                store: Arc::new(coldspare_store::EtcdStore::connect(endpoints, &root).await?),
                shared: true,
                _lock: None,
            }
        }
        #[cfg(not(feature = "etcd"))]
        StoreAddress::Etcd(_) => {
            return Err(
                "this build lacks etcd: the feature \"etcd\" of the examples brings it".into(),
            );
        }
    })
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
