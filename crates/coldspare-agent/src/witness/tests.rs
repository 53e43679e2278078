use std::collections::BTreeSet;
use std::io;

use coldspare_names::Generation;
use proptest::prelude::*;

use super::*;

type Block = [u8; BLOCK];

/// A volume in memory that several writers may have open.
#[derive(Debug)]
struct Shared<'a>(&'a std::cell::RefCell<Vec<Block>>);

impl Disk for Shared<'_> {
    fn blocks(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    fn read(&mut self, block: u64) -> io::Result<Block> {
        Ok(self.0.borrow()[usize::try_from(block).unwrap()])
    }

    fn write(&mut self, block: u64, content: &Block) -> io::Result<()> {
        self.0.borrow_mut()[usize::try_from(block).unwrap()] = *content;
        Ok(())
    }
}

fn record(sequence: u64, generation: u64) -> Record {
    let generation = Generation::new(generation);
    Record {
        sequence,
        generation,
    }
}

/// A volume that a persona wrote in these generations, that many records in each.
fn written(counts: &[usize]) -> (Vec<Block>, BTreeSet<Record>) {
    let room = counts.iter().sum::<usize>() + 3;
    let volume = std::cell::RefCell::new(vec![[0; BLOCK]; room]);
    let mut acknowledged = BTreeSet::new();
    for (generation, count) in (1..).zip(counts) {
        let mut log = Log::open(Shared(&volume), Generation::new(generation)).unwrap();
        acknowledged.extend((0..*count).map(|_| log.append().unwrap()));
    }
    (volume.into_inner(), acknowledged)
}

fn findings(volume: &[Block], acknowledged: &BTreeSet<Record>) -> Vec<Finding> {
    check(volume, acknowledged).findings
}

fn counts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1_usize..12, 1..4)
}

proptest! {
    #[test]
    fn one_writer_after_the_other_leaves_nothing_to_find(counts in counts()) {
        let (volume, acknowledged) = written(&counts);
        let report = check(&volume, &acknowledged);
        prop_assert_eq!(&report.findings, &[]);
        let total: u64 = report.records.values().sum();
        prop_assert_eq!(total, report.acknowledged);
    }

    #[test]
    fn a_changed_acknowledged_record_is_found(
        counts in counts(), at: prop::sample::Index, byte in 0..BLOCK, bit in 0..8_u8,
    ) {
        let (mut volume, acknowledged) = written(&counts);
        let at = at.index(acknowledged.len());
        volume[at][byte] ^= 1 << bit;
        let lost = *acknowledged.iter().nth(at).unwrap();
        let lost = Finding::Lost { record: lost };
        let found = findings(&volume, &acknowledged).contains(&lost);
        prop_assert!(found);
    }

    #[test]
    fn half_of_one_record_and_half_of_another_are_torn(split in 1..BLOCK) {
        let (mut volume, _) = written(&[6]);
        let other = volume[4];
        volume[2][split..].copy_from_slice(&other[split..]);
        let torn = Finding::Torn { block: 2 };
        let found = findings(&volume, &BTreeSet::new());
        // Both begin with the same magic word, and their numbers with the same seven zeros.
        prop_assert!(found == [torn] || split < 16, "{found:?}");
    }

    #[test]
    fn a_former_server_that_goes_on_writing_is_found(before in 1_usize..6, after in 1_usize..6, late in 1_usize..6) {
        let volume = std::cell::RefCell::new(vec![[0; BLOCK]; 32]);
        let mut former = Log::open(Shared(&volume), Generation::new(1)).unwrap();
        let mut acknowledged: BTreeSet<_> = (0..before).map(|_| former.append().unwrap()).collect();
        let mut next = Log::open(Shared(&volume), Generation::new(2)).unwrap();
        acknowledged.extend((0..after).map(|_| next.append().unwrap()));
        // It overwrites what the next one wrote, and perhaps more.
        acknowledged.extend((0..late).map(|_| former.append().unwrap()));
        let found = findings(&volume.into_inner(), &acknowledged);
        prop_assert!(found.iter().any(|one| matches!(one, Finding::Lost { .. })), "{found:?}");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<[u8; 32]>(), 1..20)) {
        let volume: Vec<Block> = bytes.iter().map(|seed| {
            let mut block = [0; BLOCK];
            block[..32].copy_from_slice(seed);
            block
        }).collect();
        let _ = check(&volume, &BTreeSet::new());
    }

    #[test]
    fn an_acknowledgement_survives_the_wire(sequence: u64, generation: u64) {
        let told = Acknowledgement(record(sequence, generation));
        prop_assert_eq!(Acknowledgement::read(&told.write()), Some(told));
    }
}

#[test]
fn an_older_generation_behind_a_newer_one_is_found() {
    let (mut volume, acknowledged) = written(&[3, 3]);
    volume[6] = record(6, 1).block();
    let newest = Generation::new(2);
    let record = record(6, 1);
    let found = findings(&volume, &acknowledged);
    assert_eq!(found, [Finding::OlderAfterNewer { record, newest }]);
}

#[test]
fn a_gap_is_found_once() {
    let (mut volume, acknowledged) = written(&[3]);
    volume[5] = record(5, 1).block();
    assert_eq!(
        findings(&volume, &acknowledged),
        [Finding::Gap { block: 3 }]
    );
}

#[test]
fn a_record_in_the_wrong_place_is_found() {
    let (mut volume, acknowledged) = written(&[3]);
    volume[3] = record(7, 1).block();
    let record = record(7, 1);
    let found = findings(&volume, &acknowledged);
    assert_eq!(found, [Finding::Misplaced { block: 3, record }]);
}

#[test]
fn a_missing_tail_is_found_by_what_was_acknowledged() {
    let (mut volume, acknowledged) = written(&[3]);
    volume[2] = [0; BLOCK];
    let record = record(2, 1);
    assert_eq!(findings(&volume, &acknowledged), [Finding::Lost { record }]);
}

#[test]
fn what_a_writer_that_was_cut_off_left_unfinished_is_no_fault() {
    let volume = std::cell::RefCell::new(vec![[0; BLOCK]; 8]);
    let mut former = Log::open(Shared(&volume), Generation::new(1)).unwrap();
    former.append().unwrap();
    volume.borrow_mut()[1][..100].copy_from_slice(&record(1, 1).block()[..100]);
    let mut next = Log::open(Shared(&volume), Generation::new(2)).unwrap();
    assert_eq!(next.append().unwrap(), record(2, 2), "it is left as it is");
    let report = check(&volume.into_inner(), &BTreeSet::new());
    assert_eq!((report.unfinished, report.findings), (vec![1], vec![]));
}

#[test]
fn a_full_volume_is_an_error() {
    let volume = std::cell::RefCell::new(vec![[0; BLOCK]; 1]);
    let mut log = Log::open(Shared(&volume), Generation::new(1)).unwrap();
    log.append().unwrap();
    assert_eq!(log.append().unwrap_err().kind(), io::ErrorKind::StorageFull);
}
