//! The workload of the lab's personas: the witness of the one rule, on the disk itself.
//!
//! `witness DEVICE ADDRESS:PORT [PER SECOND]` appends records to a block device, which it reads and
//! writes past every cache, and sends each record that the disk has acknowledged to that address.
//! What a disk refuses is tried again for ever; see `coldspare_agent::witness`.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::net::UdpSocket;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use coldspare_agent::witness::{Acknowledgement, BLOCK, Disk, Log};
use coldspare_agent::{BOOT_TABLE, Identity};

/// Records a second, unless said otherwise.
const RATE: u32 = 50;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("witness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (device, to, rate) = match &arguments[..] {
        [device, to] => (device, to, RATE),
        [device, to, rate] => (device, to, rate.parse()?),
        _ => return Err("usage: witness DEVICE ADDRESS:PORT [PER SECOND]".into()),
    };
    let pause = Duration::from_secs(1) / rate.max(1);
    let identity = Identity::read(Path::new(BOOT_TABLE))?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let mut log = Log::open(Direct::open(device)?, identity.generation)?;
    loop {
        match log.append() {
            // One that is lost on the way is not looked for later: that weakens the witness, and
            // accuses nobody.
            Ok(record) => drop(socket.send_to(&Acknowledgement(record).write(), to)),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error.into()),
            Err(error) => eprintln!("witness: {device}: {error}"),
        }
        #[expect(clippy::disallowed_methods, reason = "it has nothing else to do")]
        std::thread::sleep(pause);
    }
}

/// A block device past the cache.
struct Direct {
    file: File,
    blocks: u64,
    /// Twice as long as a block, so that one that begins at a multiple of its length lies in it:
    /// direct transfers need that.
    buffer: Box<[u8; 2 * BLOCK]>,
}

impl Direct {
    fn open(path: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let flags = nix::fcntl::OFlag::O_DIRECT | nix::fcntl::OFlag::O_SYNC;
        let mut file = options.custom_flags(flags.bits()).open(path)?;
        Ok(Self {
            blocks: file.seek(SeekFrom::End(0))? / BLOCK as u64,
            file,
            buffer: Box::new([0; 2 * BLOCK]),
        })
    }

    fn block(&mut self) -> (&File, &mut [u8]) {
        let at = self.buffer.as_ptr().align_offset(BLOCK);
        (&self.file, &mut self.buffer[at..at + BLOCK])
    }
}

impl Disk for Direct {
    fn blocks(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64) -> io::Result<[u8; BLOCK]> {
        let (file, buffer) = self.block();
        file.read_exact_at(buffer, block * BLOCK as u64)?;
        let mut content = [0; BLOCK];
        content.copy_from_slice(buffer);
        Ok(content)
    }

    fn write(&mut self, block: u64, content: &[u8; BLOCK]) -> io::Result<()> {
        let (file, buffer) = self.block();
        buffer.copy_from_slice(content);
        file.write_all_at(buffer, block * BLOCK as u64)
    }
}
