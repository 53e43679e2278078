//! The mark: a small file on the boot disk that is written again and again, as a sign that the
//! disk can be.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coldspare_heartbeat::udp::Clock;
use coldspare_names::Time;
use tokio::sync::watch;

use crate::Error;

/// How long after one mark the next one is written.
const EVERY: Duration = Duration::from_millis(500);

/// Writes marks from now on, and tells when the disk last acknowledged one.
///
/// A disk that hangs holds up the thread that writes, and nothing else: it is the only one.
pub(super) fn mark(path: PathBuf, clock: Clock) -> Result<watch::Receiver<Option<Time>>, Error> {
    let (wrote, told) = watch::channel(None);
    let thread = std::thread::Builder::new().name("mark".to_owned());
    thread.spawn(move || {
        let mut file = None;
        while !wrote.is_closed() {
            let now = clock.now();
            match write(&path, &mut file, now) {
                Ok(()) => drop(wrote.send_replace(Some(now))),
                // Said by the time of the last mark, which grows old.
                Err(_) => file = None,
            }
            #[expect(clippy::disallowed_methods, reason = "this thread is made to wait")]
            std::thread::sleep(EVERY);
        }
    })?;
    Ok(told)
}

/// Writes the time at which it was begun: what is acknowledged was on the disk after that.
fn write(path: &Path, open: &mut Option<File>, now: Time) -> io::Result<()> {
    let file = match open.take() {
        Some(file) => file,
        None => create(path)?,
    };
    let mark = format!("{:020}\n", now.since_epoch().as_nanos());
    file.write_all_at(mark.as_bytes(), 0)?;
    file.sync_data()?;
    *open = Some(file);
    Ok(())
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_can_be_written_is_told_and_one_that_cannot_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("var/mark");
        let clock = Clock::start();
        let mut wrote = mark(path.clone(), clock).unwrap();
        let first = *wrote.wait_for(Option::is_some).await.unwrap();
        let again = wrote.wait_for(|wrote| *wrote > first);
        assert!(again.await.unwrap().is_some_and(|at| at <= clock.now()));

        let blocked = folder.path().join("var/mark/below-a-file");
        let unable = mark(blocked, clock).unwrap();
        tokio::time::sleep(EVERY).await;
        assert_eq!(*unable.borrow(), None);
    }
}
