//! The array: a tgtd, and the images on it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use coldspare::san_key;
use coldspare::site::{ArrayDriver, Site, SiteArray, TgtDriver};
use coldspare_names::{ArrayName, IscsiName, VolumeName};
use coldspare_san::Array;
use coldspare_san::tgt::TgtArray;
use tokio::process::Command;

use super::process::{Process, until};
use crate::Failure;
use crate::enclosure::ROOT;
use crate::lab::PERSONA;

/// The daemon, and the adapter that we make volumes with.
#[derive(Debug)]
pub(crate) struct Storage {
    _daemon: Process,
    array: TgtArray,
}

impl Storage {
    /// A tgtd with every volume of the site, blank.
    pub(crate) async fn start(site: &Site) -> Result<Self, Failure> {
        let (name, of, driver) = tgt(site)?;
        let folder = format!("{ROOT}/tgt");
        fs::create_dir_all(&folder)?;
        let portal = of
            .portals
            .first()
            .ok_or("the array has no portal")?
            .address();
        let mut command = Command::new("tgtd");
        command
            .args(["-f", "-C", "0", "--iscsi"])
            .arg(format!("portal={portal}"))
            .env("TGT_IPC_SOCKET", &driver.socket);
        let daemon = Process::start("tgtd", command)?;
        until("tgtd", || TcpStream::connect(portal).is_ok()).await?;

        let key = san_key(&site.key.read()?);
        let array = TgtArray::new(name.clone(), driver.settings(of.portals.clone()), key)?;
        for volume in of.volumes.values() {
            array.create(volume).await?;
        }
        Ok(Self {
            _daemon: daemon,
            array,
        })
    }

    /// Puts an image on a blank volume.
    pub(crate) fn fill(&self, volume: &VolumeName, image: &Path) -> io::Result<()> {
        let mut from = File::open(image)?;
        let mut to = File::options().write(true).open(self.array.image(volume))?;
        let mut block = vec![0; 64 << 10];
        loop {
            let read = from.read(&mut block)?;
            if read == 0 {
                return to.sync_all();
            }
            if block[..read].iter().all(|byte| *byte == 0) {
                // It is zero already, and stays thin.
                to.seek_relative(i64::try_from(read).unwrap_or_default())?;
            } else {
                to.write_all(&block[..read])?;
            }
        }
    }

    /// Where the content of a volume is.
    pub(crate) fn image(&self, volume: &VolumeName) -> PathBuf {
        self.array.image(volume)
    }
}

/// The name of the target behind which the witness's volume is.
pub(crate) fn data_target(site: &Site) -> Result<IscsiName, Failure> {
    let (name, of, driver) = tgt(site)?;
    let volume = format!("{PERSONA}-data").parse()?;
    let settings = driver.settings(of.portals.clone());
    Ok(settings.target(name, &volume)?)
}

fn tgt(site: &Site) -> Result<(&ArrayName, &SiteArray, &TgtDriver), Failure> {
    let (name, of) = site
        .arrays
        .first_key_value()
        .ok_or("the site has no array")?;
    match &of.driver {
        ArrayDriver::Tgt(driver) => Ok((name, of, driver)),
        ArrayDriver::Memory { .. } => Err("the site's array is no tgt".into()),
    }
}
