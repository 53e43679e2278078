//! Reading a volume back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use coldspare_names::Generation;
use serde::Serialize;

use super::{BLOCK, Content, Record};

/// Something on the volume that must not be there, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// A block between whole records of one generation is no record: somebody else wrote there, or
    /// the disk tore what its writer went on from.
    Torn {
        /// The block.
        block: u64,
    },
    /// A record stands where another one belongs.
    Misplaced {
        /// The block.
        block: u64,
        /// What stands there.
        record: Record,
    },
    /// A record of an older generation stands behind one of a newer: the former server wrote after
    /// the next one had begun.
    OlderAfterNewer {
        /// The older one.
        record: Record,
        /// The newest generation before it.
        newest: Generation,
    },
    /// Nothing stands before a record: its writer did not see what was before.
    Gap {
        /// The first block with nothing in it.
        block: u64,
    },
    /// The disk had acknowledged a record, and it is not there.
    Lost {
        /// The record.
        record: Record,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { block } => write!(f, "block {block} is no record"),
            Self::Misplaced { block, record } => write!(f, "{record} stands in block {block}"),
            Self::OlderAfterNewer { record, newest } => {
                write!(
                    f,
                    "{record} was written after the first of generation {newest}"
                )
            }
            Self::Gap { block } => write!(f, "block {block} is empty, and there is more behind it"),
            Self::Lost { record } => write!(f, "{record} was acknowledged and is lost"),
        }
    }
}

/// What a volume showed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How many whole records each generation has.
    pub records: BTreeMap<Generation, u64>,
    /// How many of the acknowledged records were looked for.
    pub acknowledged: u64,
    /// Blocks that the last writer of a generation left unfinished, unacknowledged: no fault.
    pub unfinished: Vec<u64>,
    /// What must not be.
    pub findings: Vec<Finding>,
}

/// Judges a volume, block after block, by what was acknowledged.
pub fn check<'a>(
    blocks: impl IntoIterator<Item = &'a [u8; BLOCK]>,
    acknowledged: &BTreeSet<Record>,
) -> Report {
    let mut report = Report {
        acknowledged: acknowledged.len() as u64,
        ..Report::default()
    };
    let mut reading = Reading::default();
    for (block, content) in (0..).zip(blocks) {
        match Content::of(content) {
            Content::Empty => reading.empty = reading.empty.or(Some(block)),
            Content::Torn => reading.torn(block, &mut report),
            Content::Record(record) => reading.record(block, record, &mut report),
        }
    }
    report.unfinished.append(&mut reading.open);
    let lost = acknowledged.difference(&reading.there);
    report
        .findings
        .extend(lost.map(|&record| Finding::Lost { record }));
    report
}

/// How far a volume is read.
#[derive(Default)]
struct Reading {
    newest: Generation,
    /// The first empty block since the last one that was not.
    empty: Option<u64>,
    /// Torn blocks since the last record: unfinished, if the next one is of a newer generation.
    open: Vec<u64>,
    there: BTreeSet<Record>,
}

impl Reading {
    fn torn(&mut self, block: u64, report: &mut Report) {
        self.gap(report);
        self.open.push(block);
    }

    fn record(&mut self, block: u64, record: Record, report: &mut Report) {
        self.gap(report);
        let torn = std::mem::take(&mut self.open);
        // Its writer was cut off once, and has no second block in the air.
        if record.generation > self.newest && torn.len() <= 1 {
            report.unfinished.extend(torn);
        } else {
            let torn = torn.into_iter().map(|block| Finding::Torn { block });
            report.findings.extend(torn);
        }
        if record.generation < self.newest {
            let newest = self.newest;
            report
                .findings
                .push(Finding::OlderAfterNewer { record, newest });
        }
        if record.sequence != block {
            report.findings.push(Finding::Misplaced { block, record });
        }
        self.newest = self.newest.max(record.generation);
        self.there.insert(record);
        *report.records.entry(record.generation).or_default() += 1;
    }

    fn gap(&mut self, report: &mut Report) {
        if let Some(block) = self.empty.take() {
            report.findings.push(Finding::Gap { block });
        }
    }
}
