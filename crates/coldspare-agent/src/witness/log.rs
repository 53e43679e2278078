//! Appending records to a volume.

use std::io;

use coldspare_names::Generation;

use super::{BLOCK, Content, Record};

/// A volume in blocks. What it says is written, is: the volume itself acknowledged it.
pub trait Disk {
    /// How many blocks it has.
    fn blocks(&self) -> u64;

    /// Reads a block from the disk, not from a cache.
    fn read(&mut self, block: u64) -> io::Result<[u8; BLOCK]>;

    /// Writes a block, and returns when the disk has acknowledged it.
    fn write(&mut self, block: u64, content: &[u8; BLOCK]) -> io::Result<()>;
}

/// The records of a volume, from one writer's point of view.
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    generation: Generation,
    next: u64,
}

impl<D: Disk> Log<D> {
    /// Goes on behind all that is on the disk, under a generation.
    pub fn open(mut disk: D, generation: Generation) -> io::Result<Self> {
        let mut next = 0;
        while next < disk.blocks() && Content::of(&disk.read(next)?) != Content::Empty {
            next += 1;
        }
        Ok(Self {
            disk,
            generation,
            next,
        })
    }

    /// Appends a record; returns it when the disk has acknowledged it. One that failed is written
    /// again to the same place the next time. A full volume is an error.
    pub fn append(&mut self) -> io::Result<Record> {
        if self.next >= self.disk.blocks() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let record = Record {
            sequence: self.next,
            generation: self.generation,
        };
        self.disk.write(self.next, &record.block())?;
        self.next += 1;
        Ok(record)
    }
}
