//! The witness of the one rule: what the persona's disk acknowledged, and what stands on it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coldspare_agent::witness::{Acknowledgement, BLOCK, Record, Report, check};
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::Failure;

/// Where the persona's workload sends what its disk has acknowledged.
pub(crate) const ADDRESS: ([u8; 4], u16) = ([10, 4, 0, 1], 7405);

/// Listens for acknowledgements until it is dropped.
#[derive(Debug)]
pub(crate) struct Witness {
    acknowledged: Arc<Mutex<BTreeSet<Record>>>,
    listens: JoinHandle<()>,
}

impl Witness {
    pub(crate) async fn listen() -> Result<Self, Failure> {
        let socket = UdpSocket::bind(std::net::SocketAddr::from(ADDRESS)).await?;
        let acknowledged = Arc::<Mutex<BTreeSet<Record>>>::default();
        let heard = Arc::clone(&acknowledged);
        let listens = tokio::spawn(async move {
            // Longer than one, so that what is too long is seen to be.
            let mut datagram = [0; Acknowledgement::LENGTH + 1];
            while let Ok(length) = socket.recv(&mut datagram).await {
                if let Some(Acknowledgement(record)) = Acknowledgement::read(&datagram[..length]) {
                    heard
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(record);
                }
            }
        });
        Ok(Self {
            acknowledged,
            listens,
        })
    }

    /// The newest record that the disk acknowledged.
    pub(crate) fn newest(&self) -> Option<Record> {
        self.all().last().copied()
    }

    /// Reads the volume back, aside: the controller must not stand still meanwhile.
    pub(crate) async fn judge(&self, image: PathBuf) -> Result<Report, Failure> {
        // The persona goes on writing: what is acknowledged later need not be found.
        let acknowledged = self.all();
        let content = spawn_blocking(move || written(&image)).await??;
        Ok(check(content.as_chunks::<BLOCK>().0, &acknowledged))
    }

    fn all(&self) -> BTreeSet<Record> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

/// The volume without the zeros at its end, which is most of it.
fn written(image: &Path) -> Result<Vec<u8>, Failure> {
    const STEP: usize = 1 << 20;
    let (mut file, mut content) = (File::open(image)?, Vec::new());
    let (mut end, mut step) = (0, Vec::new());
    let mut zeros = 0;
    while {
        step.clear();
        file.by_ref().take(STEP as u64).read_to_end(&mut step)? > 0
    } {
        if step.iter().all(|byte| *byte == 0) {
            zeros += step.len();
        } else {
            content.resize(end + zeros, 0);
            zeros = 0;
            content.extend_from_slice(&step);
            end = content.len();
        }
    }
    Ok(content)
}
