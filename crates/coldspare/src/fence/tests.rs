use std::time::Duration;

use coldspare_bmc::{Faults, PowerState, Timing};
use coldspare_names::PortName;
use coldspare_san::ShutOut;

use super::*;
use crate::planner::Planner;
use crate::test_world::{UNBOUND, World, server, white_paper};
use coldspare_san::memory::MemoryArray;

/// A proof for tests of what proofs do.
pub(crate) fn proof(server: &str, up_to: u64) -> FenceProof {
    FenceProof {
        server: server.parse().unwrap(),
        up_to: Generation::new(up_to),
        evidence: Evidence::Off,
    }
}

/// A part of a proof of the first server: one bit each, so that every subset is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Off,
    Disarmed,
    ShutOut(usize),
    Parked(usize),
}

const PARTS: [Part; 6] = [
    Part::Off,
    Part::Disarmed,
    Part::ShutOut(0),
    Part::ShutOut(1),
    Part::Parked(0),
    Part::Parked(1),
];

/// Two arrays and two switches with nothing on, from which every part can be seen.
struct Rack {
    world: World,
}

impl Rack {
    async fn new(binds: bool) -> Self {
        let traits = if binds { MemoryArray::TRAITS } else { UNBOUND };
        let world = World::idle(white_paper(), traits).with_volumes().await;
        Self { world }
    }

    async fn see(&self, part: Part, server: &ServerName, up_to: u64) -> Piece {
        let identity = self.world.site.identity(server).unwrap();
        let bmc = &self.world.bmcs[server];
        let timing = Timing {
            pause: Duration::ZERO,
            ..Timing::default()
        };
        let seen = match part {
            Part::Off => Seen::Off(
                coldspare_bmc::read_off(bmc, &identity, &timing)
                    .await
                    .unwrap(),
            ),
            Part::Disarmed => Seen::Disarmed(
                coldspare_bmc::disarm(bmc, &identity, &timing)
                    .await
                    .unwrap(),
            ),
            Part::ShutOut(number) => {
                let array = self.world.arrays.values().nth(number).unwrap();
                let request = ShutOut {
                    server: server.clone(),
                    addresses: self.world.site.san_addresses(server),
                    initiator: None,
                    up_to: Generation::new(up_to),
                    volumes: BTreeSet::new(),
                    stamp: Generation::NONE,
                    spared: BTreeSet::new(),
                };
                Seen::ShutOut(coldspare_san::read_shut_out(array, &request).await.unwrap())
            }
            Part::Parked(number) => {
                let (name, switch) = self.world.switches.iter().nth(number).unwrap();
                let ports: BTreeSet<PortName> = self
                    .demand(server, 1, 0b11)
                    .ports
                    .into_iter()
                    .filter(|port| port.switch == *name)
                    .map(|port| port.port)
                    .collect();
                Seen::Parked(
                    coldspare_network::read_parked(switch, &ports)
                        .await
                        .unwrap(),
                )
            }
        };
        Piece::new(server.clone(), seen)
    }

    /// What has to be shown, where the lowest bit allows *off* and the next one isolation.
    fn demand(&self, server: &ServerName, up_to: u64, levels: u8) -> Demand {
        let site = &self.world.site;
        let policy = site.policy_of(server).unwrap();
        let planner = Planner {
            site,
            binds: true,
            policy,
        };
        let allowed = [FenceLevel::Off, FenceLevel::Isolation];
        let allowed = allowed.into_iter().enumerate();
        Demand {
            levels: allowed
                .filter(|(bit, _)| levels >> bit & 1 == 1)
                .map(|(_, level)| level)
                .collect(),
            ..planner.demand(server, Generation::new(up_to))
        }
    }
}

/// The rule in plain words, to hold `prove` against.
fn expected(has: impl Fn(Part) -> bool, binds: bool, levels: u8) -> Option<Evidence> {
    let shut_out = has(Part::ShutOut(0)) && has(Part::ShutOut(1));
    let off = levels & 1 == 1 && has(Part::Off) && (binds || has(Part::Disarmed));
    let parked = has(Part::Parked(0)) && has(Part::Parked(1));
    let isolated = levels & 2 == 2 && binds && parked;
    match (shut_out, off, isolated) {
        (true, true, _) => Some(Evidence::Off),
        (true, false, true) => Some(Evidence::Isolation),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_given_for_exactly_the_sets_of_pieces_that_the_rule_names() {
    for binds in [true, false] {
        let rack = Rack::new(binds).await;
        let mut pieces = Vec::new();
        for part in PARTS {
            pieces.push(rack.see(part, &server(1), 4).await);
        }
        for levels in 0..4 {
            let demand = rack.demand(&server(1), 4, levels);
            for subset in 0..1 << PARTS.len() {
                let is_in = |index: usize| subset >> index & 1 == 1;
                let chosen = (0..PARTS.len()).filter(|index| is_in(*index));
                let chosen: Vec<_> = chosen.map(|index| pieces[index].clone()).collect();
                let has = |part| PARTS.iter().position(|p| *p == part).is_some_and(is_in);
                let proven = prove(&demand, &chosen);
                let found = proven.as_ref().ok().map(|proof| proof.evidence().clone());
                let case = format!("binds: {binds}, levels: {levels:02b}, pieces: {subset:06b}");
                // Both kinds at once may be called either; the rule prefers *off*.
                assert_eq!(found, expected(has, binds, levels), "{case}");
                if let Err(Unproven { missing, .. }) = proven {
                    check_missing(&missing, has, levels, binds, &case);
                }
            }
        }
    }
}

/// What is missing is really not there, and adding all of it would make the proof.
fn check_missing(
    missing: &[Missing],
    has: impl Fn(Part) -> bool,
    levels: u8,
    binds: bool,
    case: &str,
) {
    assert!(!missing.is_empty(), "{case}");
    let lacks = |part| {
        missing.iter().any(|missing| match (missing, part) {
            (Missing::Off, Part::Off) | (Missing::Disarmed, Part::Disarmed) => true,
            (Missing::ShutOut(array), Part::ShutOut(number)) => {
                array.as_str() == ["ps6010", "ps6110"][number]
            }
            (Missing::Parked(port), Part::Parked(number)) => {
                port.switch.as_str() == ["lan-1", "lan-2"][number]
            }
            _ => false,
        })
    };
    for part in PARTS {
        assert!(!(has(part) && lacks(part)), "{case}: {part:?} is there");
    }
    if missing.contains(&Missing::Word) {
        assert_eq!(
            expected(|_| true, binds, levels),
            None,
            "{case}: devices could do"
        );
        return;
    }
    // Until an array has answered nobody knows whether it binds, and so what else it will take.
    let shut_out = has(Part::ShutOut(0)) || has(Part::ShutOut(1));
    if binds || shut_out {
        let completed = expected(|part| has(part) || lacks(part), binds, levels);
        assert!(completed.is_some(), "{case}: {missing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pieces_of_another_server_or_of_an_older_generation_never_count() {
    let rack = Rack::new(true).await;
    let demand = rack.demand(&server(1), 4, 0b11);
    for (of, up_to) in [(server(2), 4), (server(1), 3)] {
        let mut pieces = Vec::new();
        for part in PARTS {
            pieces.push(rack.see(part, &of, up_to).await);
        }
        let missing = prove(&demand, &pieces).unwrap_err().missing;
        assert_eq!(
            missing
                .iter()
                .filter(|m| matches!(m, Missing::ShutOut(_)))
                .count(),
            2
        );
    }
    // What an array saw of one server says nothing when it is filed under another.
    let mut misfiled = Vec::new();
    for part in PARTS {
        let Piece { seen, .. } = rack.see(part, &server(2), 4).await;
        misfiled.push(Piece::new(server(1), seen));
    }
    assert!(prove(&demand, &misfiled).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_proof_of_more_does_for_less() {
    let rack = Rack::new(true).await;
    let mut pieces = Vec::new();
    for part in PARTS {
        pieces.push(rack.see(part, &server(1), 9).await);
    }
    assert!(prove(&rack.demand(&server(1), 4, 0b11), &pieces).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_managed_ports_cannot_be_isolated() {
    let rack = Rack::new(true).await;
    let demand = Demand {
        ports: BTreeSet::new(),
        ..rack.demand(&server(1), 1, 0b11)
    };
    let pieces = [
        rack.see(Part::ShutOut(0), &server(1), 1).await,
        rack.see(Part::ShutOut(1), &server(1), 1).await,
    ];
    assert_eq!(prove(&demand, &pieces).unwrap_err().missing, [Missing::Off]);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_reads_off_is_no_witness_for_another_machine() {
    let rack = Rack::new(true).await;
    let bmc = &rack.world.bmcs[&server(1)];
    bmc.set_faults(Faults {
        reads: Some(PowerState::Off),
        identity: rack.world.site.identity(&server(2)),
        ..Faults::default()
    });
    let identity = rack.world.site.identity(&server(1)).unwrap();
    let off = coldspare_bmc::read_off(bmc, &identity, &Timing::default()).await;
    assert!(off.is_err());
}

#[test]
fn a_seat_needs_a_proof_for_each_server_that_the_persona_was_taken_from() {
    let holder = Grant {
        server: server(3),
        generation: Generation::new(5),
    };
    let demand = |number, up_to| Demand {
        server: server(number),
        up_to: Generation::new(up_to),
        arrays: BTreeSet::new(),
        ports: BTreeSet::new(),
        levels: BTreeSet::new(),
    };
    let taken_from = [demand(1, 3), demand(2, 4)];
    let refused =
        |proofs: &[FenceProof]| Seat::take(&holder, &taken_from, proofs).unwrap_err().server;
    assert_eq!(refused(&[]), server(1));
    assert_eq!(refused(&[proof("r720-1", 3)]), server(2));
    assert_eq!(
        refused(&[proof("r720-1", 2), proof("r720-2", 4)]),
        server(1)
    );
    assert_eq!(
        refused(&[proof("r720-2", 3), proof("r720-2", 4)]),
        server(1)
    );

    let proofs = [proof("r720-1", 3), proof("r720-2", 4)];
    let seat = Seat::take(&holder, &taken_from, &proofs).unwrap();
    assert_eq!(seat.is_for(&server(3), Generation::new(5)), Ok(()));
    assert!(seat.is_for(&server(3), Generation::new(4)).is_err());
    assert!(seat.is_for(&server(2), Generation::new(5)).is_err());
}

#[test]
fn what_is_missing_is_told_in_words() {
    let unproven = Unproven {
        server: server(1),
        missing: vec![
            Missing::ShutOut("ps6010".parse().unwrap()),
            Missing::Off,
            Missing::Word,
        ],
    };
    assert_eq!(
        unproven.to_string(),
        "r720-1 is not proven fenced: not shut out on ps6010, not shown to be off, \
         only a person's word will do"
    );
    let by = Actor::Person("operator-1".to_owned());
    let proof = stated(by, server(1), Generation::new(1));
    assert_eq!(
        proof.evidence().to_string(),
        "operator-1 says that it cannot act"
    );
}
