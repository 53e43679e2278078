use std::collections::BTreeSet;
use std::time::Duration;

use coldspare_names::Time;
use proptest::prelude::*;

use super::*;
use crate::samples::{channel, networks, persona, server, spec};
use crate::{
    Architecture, BootMode, FailureDomain, LinkSpeed, Memory, Persona, PersonaSpec, Priority,
    SanPorts, Server,
};

mod oracle;
mod together;

fn name<N: std::str::FromStr<Err = coldspare_names::NameError>>(text: &str) -> N {
    text.parse().unwrap()
}

fn domain(kind: &str, name: &str) -> FailureDomain {
    FailureDomain {
        kind: kind.parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn claim(persona: &Persona) -> Claim<'_> {
    Claim {
        networks: networks(),
        ..Claim::new(persona)
    }
}

fn changed(change: impl FnOnce(&mut PersonaSpec)) -> Persona {
    let mut spec = spec("exchange-1");
    change(&mut spec);
    Persona::try_from(spec).unwrap()
}

fn other(change: impl FnOnce(&mut Server)) -> Server {
    let mut server = server("r720-3");
    change(&mut server);
    server
}

fn chosen(placement: &Placement) -> Option<&str> {
    placement
        .choice
        .as_ref()
        .map(|choice| choice.server.as_str())
}

/// The persona's own server, not yet fenced.
fn own<'a>(persona: &Persona, server: &'a Server) -> Candidate<'a> {
    Candidate {
        wears: Some(persona.name.clone()),
        scrubbed: false,
        power: Power::On,
        ..Candidate::spare(server)
    }
}

fn back_to<'a>(persona: &'a Persona, server: &Server, off_unprovable: Option<&str>) -> Claim<'a> {
    Claim {
        last_resort: Some(LastResort {
            server: server.name.clone(),
            off_unprovable: off_unprovable.map(Into::into),
        }),
        ..claim(persona)
    }
}

/// The `reason` of everything that speaks against a server, as JSON says it.
fn reasons(refusals: &[Refusal]) -> Vec<String> {
    refusals
        .iter()
        .map(|refusal| {
            serde_json::to_value(refusal).unwrap()["reason"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect()
}

/// Why the only candidate is refused.
fn refused(claim: &Claim<'_>, candidate: &Candidate<'_>) -> Vec<Refusal> {
    let mut placed = place(std::slice::from_ref(claim), std::slice::from_ref(candidate));
    placed[0]
        .refused
        .remove(&candidate.server.name)
        .unwrap_or_default()
}

#[test]
fn the_papers_persona_wakes_up_on_the_stand_by_server() {
    let [one, two, three] = ["r720-1", "r720-2", "r720-3"].map(server);
    let persona = persona("exchange-1");
    let wears = |server, persona: &str| Candidate {
        wears: Some(name(persona)),
        scrubbed: false,
        power: Power::On,
        ..Candidate::spare(server)
    };
    let candidates = [
        wears(&one, "exchange-1"),
        wears(&two, "exchange-2"),
        Candidate::spare(&three),
    ];
    let placed = place(&[claim(&persona)], &candidates);
    assert_eq!(chosen(&placed[0]), Some("r720-3"));
    assert_eq!(placed[0].choice.as_ref().unwrap().warnings, []);
    for (server, wears) in [("r720-1", "exchange-1"), ("r720-2", "exchange-2")] {
        assert_eq!(
            placed[0].refused[server],
            [
                Refusal::WearsAPersona {
                    persona: name(wears)
                },
                Refusal::NotScrubbed,
                Refusal::PoweredOn,
            ]
        );
    }
}

#[test]
fn a_fitting_spare_of_another_pool_is_never_used() {
    let stranger = other(|server| server.pool = name("web"));
    let persona = persona("exchange-1");
    let placed = place(&[claim(&persona)], &[Candidate::spare(&stranger)]);
    assert_eq!(placed[0].choice, None);
    assert_eq!(reasons(&placed[0].refused["r720-3"]), ["other-pool"]);
}

type Change = fn(&mut Server);

#[test]
fn each_shortcoming_of_a_machine_has_its_reason() {
    let feed_a = domain("feed", "A");
    let persona = changed(|spec| {
        let wants = &mut spec.requirements;
        wants.memory = Memory::gibibytes(64);
        wants.processors = 16;
        wants.boot_mode = Some(BootMode::Bios);
        wants.link_speeds = [(name("mapi"), LinkSpeed::gigabits(1))].into();
        wants.capabilities = ["tpm".parse().unwrap()].into();
        wants.apart = ["rack".parse().unwrap()].into();
    });
    let claim = Claim {
        peers: [(
            name("exchange-2"),
            [domain("rack", "1"), feed_a.clone()].into(),
        )]
        .into(),
        ..claim(&persona)
    };
    let fitting = other(|server| {
        server.capabilities = ["tpm".parse().unwrap()].into();
        server.domains = [domain("rack", "2"), feed_a.clone()].into();
    });
    assert_eq!(refused(&claim, &Candidate::spare(&fitting)), []);

    let changes: [(Change, &[&str]); 9] = [
        (
            |server| server.memory = Memory::gibibytes(32),
            &["memory-short"],
        ),
        (|server| server.processors = 8, &["processors-short"]),
        (
            |server| server.architecture = Architecture::Aarch64,
            &["architecture"],
        ),
        (|server| server.boot_mode = BootMode::Uefi, &["boot-mode"]),
        (
            |server| server.capabilities.clear(),
            &["capability-missing"],
        ),
        (
            |server| {
                server.domains.insert(domain("rack", "1"));
            },
            &["same-failure-domain"],
        ),
        (
            |server| {
                let mut ports: Vec<_> = server.san_ports.clone().into();
                for port in &mut ports {
                    port.iscsi_boot = false;
                }
                server.san_ports = SanPorts::new(ports).unwrap();
            },
            &["no-iscsi-boot"],
        ),
        (
            |server| server.nics.retain(|channel, _| channel.number() > 2),
            &["channel-missing", "channel-missing"],
        ),
        (
            |server| {
                let slow = LinkSpeed::megabits(100);
                for nic in server.nics.values_mut() {
                    nic.speed = slow;
                }
            },
            &["channel-slow", "channel-slow"],
        ),
    ];
    for (change, expected) in changes {
        let mut server = fitting.clone();
        change(&mut server);
        assert_eq!(
            reasons(&refused(&claim, &Candidate::spare(&server))),
            expected
        );
    }
}

#[test]
fn each_circumstance_of_a_server_has_its_reason() {
    let server = server("r720-3");
    let persona = persona("exchange-1");
    let spare = Candidate::spare(&server);
    let candidates = [
        (
            Candidate {
                maintenance: true,
                ..spare.clone()
            },
            "maintenance",
        ),
        (
            Candidate {
                wears: Some(name("web")),
                ..spare.clone()
            },
            "wears-a-persona",
        ),
        (
            Candidate {
                reserved: Some(name("web")),
                ..spare.clone()
            },
            "reserved",
        ),
        (
            Candidate {
                scrubbed: false,
                ..spare.clone()
            },
            "not-scrubbed",
        ),
        (
            Candidate {
                power: Power::On,
                ..spare.clone()
            },
            "powered-on",
        ),
        (
            Candidate {
                power: Power::Unknown,
                ..spare.clone()
            },
            "power-unknown",
        ),
    ];
    for (candidate, reason) in candidates {
        assert_eq!(reasons(&refused(&claim(&persona), &candidate)), [reason]);
    }
    let failed = Claim {
        without: [(name("r720-3"), "its boot timer ended".into())].into(),
        ..claim(&persona)
    };
    assert_eq!(reasons(&refused(&failed, &spare)), ["failed-before"]);

    let own = Candidate {
        reserved: Some(name("exchange-1")),
        ..spare
    };
    assert_eq!(
        refused(&claim(&persona), &own),
        [],
        "its own reservation does not stand in its way"
    );
}

#[test]
fn every_reason_is_given_not_only_the_first() {
    let server = other(|server| {
        server.pool = name("web");
        server.memory = Memory::gibibytes(1);
    });
    let persona = changed(|spec| spec.requirements.memory = Memory::gibibytes(2));
    let candidate = Candidate {
        maintenance: true,
        ..Candidate::spare(&server)
    };
    let found = refused(&claim(&persona), &candidate);
    assert_eq!(
        reasons(&found),
        ["other-pool", "maintenance", "memory-short"]
    );
    let said: Vec<_> = found
        .iter()
        .map(|it| format!("{it}: {}", it.remedy()))
        .collect();
    assert_eq!(
        said,
        [
            "is in pool web, not in exchange: assign it to pool exchange",
            "is in maintenance: take it out of maintenance",
            "has 1 GiB of memory, not 2 GiB: fit 1 GiB more of memory",
        ]
    );
}

#[test]
fn one_channel_of_a_network_is_enough_but_warned_about() {
    let server = other(|server| {
        server.nics.remove(&channel(4));
        let one: Vec<_> = server.san_ports.iter().take(1).cloned().collect();
        server.san_ports = SanPorts::new(one).unwrap();
    });
    let full = crate::samples::server("r720-4");
    let persona = persona("exchange-1");
    let placed = place(&[claim(&persona)], &[Candidate::spare(&server)]);
    let missing = |network| Warning::ChannelMissing {
        channel: channel(4),
        network: name(network),
    };
    assert_eq!(
        placed[0].choice.as_ref().unwrap().warnings,
        [missing("mapi"), missing("replication"), Warning::OneSanPort]
    );
    let placed = place(&[claim(&persona)], &[&server, &full].map(Candidate::spare));
    assert_eq!(
        chosen(&placed[0]),
        Some("r720-4"),
        "what fits in full comes first"
    );
    assert_eq!(
        placed[0].refused["r720-3"],
        [Refusal::Outranked { by: name("r720-4") }]
    );
}

#[test]
fn the_least_memory_to_spare_comes_first_and_then_the_name() {
    let sized = |name: &str, memory| {
        let mut server = server(name);
        server.memory = Memory::gibibytes(memory);
        server
    };
    let persona = changed(|spec| spec.requirements.memory = Memory::gibibytes(32));
    let servers = [
        sized("d", 64),
        sized("c", 32),
        sized("b", 32),
        sized("a", 16),
    ];
    let candidates: Vec<_> = servers.iter().map(Candidate::spare).collect();
    assert_eq!(
        chosen(&place(&[claim(&persona)], &candidates)[0]),
        Some("b")
    );
}

#[test]
fn a_persona_starts_again_in_place_only_when_no_spare_is_left() {
    let (home, spare) = (server("r720-1"), server("r720-3"));
    let persona = persona("exchange-1");
    let claim = back_to(&persona, &home, None);

    let placed = place(
        std::slice::from_ref(&claim),
        &[own(&persona, &home), Candidate::spare(&spare)],
    );
    assert_eq!(chosen(&placed[0]), Some("r720-3"));

    let placed = place(std::slice::from_ref(&claim), &[own(&persona, &home)]);
    let choice = placed[0].choice.as_ref().unwrap();
    assert_eq!((choice.server.as_str(), choice.in_place), ("r720-1", true));

    let nobodys = Candidate {
        wears: None,
        ..own(&persona, &home)
    };
    assert_eq!(
        reasons(&refused(&claim, &nobodys)),
        ["not-scrubbed", "powered-on"]
    );
}

#[test]
fn a_server_that_cannot_be_proven_off_is_not_started_again() {
    let home = server("r720-1");
    let persona = persona("exchange-1");
    let claim = back_to(&persona, &home, Some("its BMC does not answer"));
    let why = "its BMC does not answer".to_owned();
    assert_eq!(
        refused(&claim, &own(&persona, &home)),
        [Refusal::OffUnprovable { why }]
    );
}

#[test]
fn a_server_that_failed_is_taken_only_where_no_other_is_left_and_each_in_turn() {
    let persona = persona("exchange-1");
    let servers = ["r720-1", "r720-2", "r720-3"].map(server);
    let failed = |at: usize, seconds: u64| Candidate {
        failed_at: Some(Time::EPOCH + Duration::from_secs(seconds)),
        ..Candidate::spare(&servers[at])
    };
    let choice = |candidates: &[Candidate<'_>]| {
        let placed = place(&[claim(&persona)], candidates);
        placed[0].choice.clone().unwrap()
    };
    let good = choice(&[failed(0, 7), failed(1, 5), Candidate::spare(&servers[2])]);
    assert_eq!(good.server.as_str(), "r720-3");
    let first = choice(&[failed(0, 7), failed(1, 5), failed(2, 6)]);
    assert_eq!(
        first.server.as_str(),
        "r720-2",
        "its failure is longest ago"
    );
    assert_eq!(first.warnings, [Warning::Failed]);
    let next = choice(&[failed(0, 7), failed(1, 9), failed(2, 6)]);
    assert_eq!(next.server.as_str(), "r720-3");
}
