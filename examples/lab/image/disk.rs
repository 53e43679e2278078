//! Partitions and file systems, written into a file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use coldspare_examples::parts::MBR;

use super::packages::Packages;
use super::tools::{command, run};
use super::{Error, file, fs_read};

const SECTOR: u64 = 512;
const MIB: u64 = 1 << 20;
/// Where the first partition begins.
const START: u64 = MIB;
/// Room for the root's files and its journal.
const ROOT: u64 = 40 * MIB;

const SYSLINUX: &str = "\
SERIAL 0 115200
DEFAULT persona
PROMPT 0
LABEL persona
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND console=ttyS0,115200 quiet panic=5
";

/// What all images begin with: boot code, partition table, and a FAT file system to boot from.
#[derive(Debug)]
pub(super) struct Boot {
    image: PathBuf,
    /// Bytes of the FAT partition.
    size: u64,
}

impl Boot {
    pub(super) fn build(packages: &Packages, initrd: &Path, folder: &Path) -> Result<Self, Error> {
        let image = folder.join("boot.img");
        let kernel = packages.kernel();
        let mut size = 2 * MIB;
        for path in [&*kernel, initrd] {
            size += fs::metadata(path).map_err(file(path))?.len();
        }
        let size = size.next_multiple_of(MIB);
        let partitions = partitions(size).map_err(file(&image))?;
        begin(&image, size, &partitions)?;

        let config = folder.join("syslinux.cfg");
        fs::write(&config, SYSLINUX).map_err(file(&config))?;
        let place = format!("{}@@{START}", image.display());
        let mut format = command("mformat");
        format.args(["-i", &place, "-h", "64", "-s", "32", "-H"]);
        format.arg((START / SECTOR).to_string()).arg("-T");
        run(format.arg((size / SECTOR).to_string()).arg("::"))?;
        for (from, to) in [
            (&*kernel, "::/vmlinuz"),
            (initrd, "::/initrd"),
            (&*config, "::/syslinux.cfg"),
        ] {
            run(command("mcopy").args(["-i", &place]).arg(from).arg(to))?;
        }
        let mut syslinux = command("syslinux");
        syslinux.args(["--offset", &START.to_string(), "--install"]);
        run(syslinux.arg(&image))?;
        Ok(Self { image, size })
    }

    /// The image of a persona with that root.
    pub(super) fn image(&self, root: &Path, image: &Path) -> Result<(), Error> {
        // An image that is open stays as it is for whoever has it open.
        let new = image.with_extension("new");
        fs::copy(&self.image, &new).map_err(file(&new))?;
        let mut make = command("mke2fs");
        make.args([
            "-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=4", "-L", "root",
        ]);
        make.arg("-d").arg(root).arg("-E");
        let offset = START + self.size;
        make.arg(format!("offset={offset},lazy_itable_init=0,root_owner=0:0"));
        run(make.arg(&new).arg(format!("{}M", ROOT / MIB)))?;
        fs::rename(&new, image).map_err(file(image))
    }
}

fn begin(image: &Path, size: u64, partitions: &[u8; 66]) -> Result<(), Error> {
    let code = fs_read(Path::new(MBR))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let disk: File = options.open(image).map_err(file(image))?;
    let write = || {
        disk.set_len(START + size + ROOT)?;
        disk.write_all_at(&code[..code.len().min(440)], 0)?;
        disk.write_all_at(partitions, 446)
    };
    write().map_err(file(image))
}

/// The partition table: one to boot from, one for the root.
fn partitions(boot: u64) -> io::Result<[u8; 66]> {
    const BOOTABLE: u8 = 0x80;
    const FAT32_LBA: u8 = 0x0c;
    const LINUX: u8 = 0x83;
    let mut table = [0; 66];
    let entries = [
        (BOOTABLE, FAT32_LBA, START, boot),
        (0, LINUX, START + boot, ROOT),
    ];
    for ((flag, kind, start, size), entry) in entries.into_iter().zip(table.chunks_exact_mut(16)) {
        let sectors = |bytes: u64| u32::try_from(bytes / SECTOR).map_err(io::Error::other);
        // Cylinders, heads and sectors say: see the numbers behind them.
        entry[..8].copy_from_slice(&[flag, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff]);
        entry[8..12].copy_from_slice(&sectors(start)?.to_le_bytes());
        entry[12..].copy_from_slice(&sectors(size)?.to_le_bytes());
    }
    table[64..].copy_from_slice(&[0x55, 0xaa]);
    Ok(table)
}
