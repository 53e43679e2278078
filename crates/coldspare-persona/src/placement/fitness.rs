//! One persona against one server: everything that speaks against it.

use coldspare_names::Channel;

use super::{Candidate, Claim, LastResort, NetworkNeed, Power, Refusal, Warning};
use crate::{LinkSpeed, Persona, Server};

/// How well a server would do for a persona.
#[derive(Debug, Default)]
pub(super) struct Fitness {
    /// Why it would not do at all; empty if it would.
    pub(super) refusals: Vec<Refusal>,
    /// What it lacks, though the persona can do without.
    pub(super) warnings: Vec<Warning>,
    /// Whether it would do only as the last resort.
    pub(super) in_place: bool,
}

pub(super) fn assess(claim: &Claim<'_>, candidate: &Candidate<'_>) -> Fitness {
    let (persona, server) = (claim.persona, candidate.server);
    let given = candidate.wears.as_ref().or(candidate.reserved.as_ref());
    let last_resort = claim
        .last_resort
        .as_ref()
        .filter(|last| last.server == server.name && given == Some(&persona.name));
    let mut fitness = Fitness {
        in_place: last_resort.is_some(),
        ..Fitness::default()
    };
    standing(persona, candidate, &mut fitness.refusals);
    match last_resort {
        Some(last) => unprovable(last, &mut fitness.refusals),
        None => unready(candidate, &mut fitness.refusals),
    }
    for need in &claim.networks {
        network(persona, server, need, &mut fitness);
    }
    machine(persona, server, &mut fitness);
    if candidate.failed_at.is_some() {
        fitness.warnings.push(Warning::Failed);
    }
    history(claim, server, &mut fitness.refusals);
    fitness
}

/// Whether the server may be given to the persona at all.
fn standing(persona: &Persona, candidate: &Candidate<'_>, refusals: &mut Vec<Refusal>) {
    let pool = &candidate.server.pool;
    if *pool != persona.pool {
        refusals.push(Refusal::OtherPool {
            pool: pool.clone(),
            needs: persona.pool.clone(),
        });
    }
    if candidate.maintenance {
        refusals.push(Refusal::Maintenance);
    }
    let reserved = candidate.reserved.clone();
    if let Some(persona) = reserved.filter(|other| *other != persona.name) {
        refusals.push(Refusal::Reserved { persona });
    }
}

/// Whether a spare is one: nobody's, scrubbed and off.
fn unready(candidate: &Candidate<'_>, refusals: &mut Vec<Refusal>) {
    if let Some(persona) = candidate.wears.clone() {
        refusals.push(Refusal::WearsAPersona { persona });
    }
    if !candidate.scrubbed {
        refusals.push(Refusal::NotScrubbed);
    }
    match candidate.power {
        Power::Off => {}
        Power::On => refusals.push(Refusal::PoweredOn),
        Power::Unknown => refusals.push(Refusal::PowerUnknown),
    }
}

/// Whether the fence of the persona's own server would leave it fit to be started again.
fn unprovable(last: &LastResort, refusals: &mut Vec<Refusal>) {
    if let Some(why) = last.off_unprovable.clone() {
        refusals.push(Refusal::OffUnprovable { why });
    }
}

/// A network needs one of its two channels, and is the better for both.
fn network(persona: &Persona, server: &Server, need: &NetworkNeed, fitness: &mut Fitness) {
    let speeds = &persona.requirements.link_speeds;
    let needs = speeds.get(&need.network).copied().unwrap_or_default();
    let speed_on = |channel| (channel, server.nics.get(&channel).map(|nic| nic.speed));
    let useless = |(_, speed): &(Channel, Option<LinkSpeed>)| speed.is_none_or(|has| has < needs);
    let channels = [need.primary].into_iter().chain(need.secondary);
    let (useless, useful): (Vec<_>, Vec<_>) = channels.map(speed_on).partition(useless);
    for (channel, speed) in useless {
        let network = need.network.clone();
        match (useful.is_empty(), speed) {
            (true, None) => fitness
                .refusals
                .push(Refusal::ChannelMissing { channel, network }),
            (true, Some(has)) => fitness.refusals.push(Refusal::ChannelSlow {
                channel,
                network,
                has,
                needs,
            }),
            (false, None) => fitness
                .warnings
                .push(Warning::ChannelMissing { channel, network }),
            (false, Some(has)) => fitness.warnings.push(Warning::ChannelSlow {
                channel,
                network,
                has,
                needs,
            }),
        }
    }
}

/// What is built into the machine.
fn machine(persona: &Persona, server: &Server, fitness: &mut Fitness) {
    let wants = &persona.requirements;
    let refusals = &mut fitness.refusals;
    if server.memory < wants.memory {
        refusals.push(Refusal::MemoryShort {
            has: server.memory,
            needs: wants.memory,
        });
    }
    if server.processors < wants.processors {
        refusals.push(Refusal::ProcessorsShort {
            has: server.processors,
            needs: wants.processors,
        });
    }
    let system = persona.operating_system.architecture;
    if !server.architecture.runs(system) {
        refusals.push(Refusal::Architecture {
            has: server.architecture,
            needs: system,
        });
    }
    if let Some(needs) = wants.boot_mode.filter(|mode| *mode != server.boot_mode) {
        refusals.push(Refusal::BootMode {
            has: server.boot_mode,
            needs,
        });
    }
    let missing = wants.capabilities.difference(&server.capabilities);
    refusals.extend(missing.map(|capability| Refusal::CapabilityMissing {
        capability: capability.clone(),
    }));
    let bootable = server.san_ports.iter().filter(|port| port.iscsi_boot);
    match (bootable.count(), server.san_ports.as_slice().len()) {
        (0, _) => refusals.push(Refusal::NoIscsiBoot),
        (_, 1) => fitness.warnings.push(Warning::OneSanPort),
        (1, _) => fitness.warnings.push(Warning::OneBootPort),
        _ => {}
    }
}

/// What happened before, and where the others are.
fn history(claim: &Claim<'_>, server: &Server, refusals: &mut Vec<Refusal>) {
    let apart = &claim.persona.requirements.apart;
    for (peer, domains) in &claim.peers {
        let shared = server.domains.intersection(domains);
        refusals.extend(
            shared
                .filter(|domain| apart.contains(&domain.kind))
                .map(|domain| Refusal::SameFailureDomain {
                    domain: domain.clone(),
                    peer: peer.clone(),
                }),
        );
    }
    if let Some(how) = claim.without.get(&server.name) {
        refusals.push(Refusal::FailedBefore { how: how.clone() });
    }
}
