//! What was possible at all: who could have had a home, by the hardware alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use coldspare::site::{Site, SitePersona, WorkloadKind};
use coldspare_names::{Channel, PersonaName, ServerName};
use coldspare_network::{Cable, LogicalNetwork, Mode};
use coldspare_persona::{FenceLevel, Priority, Server};
use serde::Serialize;

use crate::Truth;

/// Whether a persona that does not run could be brought back as things are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Possibility {
    /// It runs.
    Runs,
    /// On any of these servers, once everybody who may hold it is fenced.
    Possible(BTreeSet<ServerName>),
    /// Not as things are, for each of these reasons.
    Impossible(Vec<String>),
}

/// What is possible for each persona that has a home in the site, by the hardware as it is now and
/// by the site's policy; it knows nothing of records, plans and verdicts.
///
/// A persona that has been possible for long, and still does not run, was forgotten. Whether a
/// failure could be *told* from one that needs a person is not asked: a server that nobody can
/// testify about counts as possible only if it could be proven fenced.
pub fn possible(truth: &Truth<'_>) -> BTreeMap<PersonaName, Possibility> {
    let site = truth.site();
    let worn = truth.worn();
    let mut all = BTreeMap::new();
    let mut wishes = Vec::new();
    for (name, of) in site.personas.iter().filter(|(_, of)| of.home.is_some()) {
        if !truth.homes(name).is_empty() {
            all.insert(name.clone(), Possibility::Runs);
            continue;
        }
        let mut reasons = in_the_way(truth);
        let wearers = worn.iter().filter(|(_, worn)| worn.persona == *name);
        reasons.extend(wearers.filter_map(|(server, _)| unprovable(truth, server)));
        let free = |server: &ServerName| worn.get(server).is_none_or(|it| it.persona == *name);
        let servers = site.servers.values().map(|server| &server.server);
        let fitting: BTreeSet<_> = servers
            .filter(|server| free(&server.name) && fits(site, of, server))
            .filter(|server| is_apart(truth, of, server) && works(truth, of, &server.name))
            .map(|server| server.name.clone())
            .collect();
        if fitting.is_empty() {
            reasons.push("no free server of its pool fits and works".to_owned());
        }
        if reasons.is_empty() {
            wishes.push((Reverse(of.persona.priority), name.clone(), fitting));
        } else {
            all.insert(name.clone(), Possibility::Impossible(reasons));
        }
    }
    wishes.sort();
    let mut seats = BTreeMap::new();
    for (index, (_, name, fitting)) in wishes.iter().enumerate() {
        let possibility = if seat(index, &wishes, &mut seats, &mut BTreeSet::new()) {
            Possibility::Possible(fitting.clone())
        } else {
            let reason = "others with at least its priority need every server that fits";
            Possibility::Impossible(vec![reason.to_owned()])
        };
        all.insert(name.clone(), possibility);
    }
    all
}

type Wish = (Reverse<Priority>, PersonaName, BTreeSet<ServerName>);

/// Finds a server for one more, moving others around (augmenting paths).
fn seat(
    index: usize,
    wishes: &[Wish],
    seats: &mut BTreeMap<ServerName, usize>,
    tried: &mut BTreeSet<ServerName>,
) -> bool {
    for server in &wishes[index].2 {
        if !tried.insert(server.clone()) {
            continue;
        }
        let sits = seats.get(server).copied();
        if sits.is_none_or(|other| seat(other, wishes, seats, tried)) {
            seats.insert(server.clone(), index);
            return true;
        }
    }
    false
}

/// Whether a server would do for a persona, as it is bolted in.
fn fits(site: &Site, of: &SitePersona, server: &Server) -> bool {
    let (persona, wants) = (&of.persona, &of.persona.requirements);
    let carries = |network: &LogicalNetwork| {
        let slowest = wants
            .link_speeds
            .get(&network.name)
            .copied()
            .unwrap_or_default();
        let mut nics = channels(of, network).filter_map(|channel| server.nics.get(&channel));
        nics.any(|nic| nic.speed >= slowest)
    };
    server.pool == persona.pool
        && !server.maintenance
        && server.memory >= wants.memory
        && server.processors >= wants.processors
        && server
            .architecture
            .runs(persona.operating_system.architecture)
        && wants.boot_mode.is_none_or(|mode| mode == server.boot_mode)
        && wants.capabilities.is_subset(&server.capabilities)
        && server.san_ports.iter().any(|port| port.iscsi_boot)
        && networks(site, of).all(carries)
}

fn networks<'a>(site: &'a Site, of: &'a SitePersona) -> impl Iterator<Item = &'a LogicalNetwork> {
    of.connections
        .connections
        .iter()
        .filter_map(|it| site.networks.get(&it.network).ok())
}

/// The channels over which a persona can use a network.
fn channels(of: &SitePersona, network: &LogicalNetwork) -> impl Iterator<Item = Channel> + use<> {
    let usable = if of.connections.mode == Mode::Trunk {
        2
    } else {
        1
    };
    network.channels.in_order().take(usable)
}

/// Whether a server shares nothing with the persona's peers that they must not share.
fn is_apart(truth: &Truth<'_>, of: &SitePersona, server: &Server) -> bool {
    let WorkloadKind::DagMember { dag, .. } = &of.workload else {
        return true;
    };
    let site = truth.site();
    let group = site.dags.get(dag).map(|group| &group.personas);
    let peers = group.into_iter().flat_map(BTreeMap::values);
    let others = peers.filter(|peer| **peer != of.persona.name);
    let mut homes = others.flat_map(|peer| truth.homes(peer));
    !homes.any(|home| {
        let domains = site.servers.get(&home).map(|it| &it.server.domains);
        let mut shared = domains
            .into_iter()
            .flat_map(|it| it.intersection(&server.domains));
        shared.any(|domain| of.persona.requirements.apart.contains(&domain.kind))
    })
}

/// Whether a server could be prepared, powered on and heard now.
fn works(truth: &Truth<'_>, of: &SitePersona, server: &ServerName) -> bool {
    let Some(machine) = truth.machine(server) else {
        return false;
    };
    let broken = &machine.broken;
    let lost = |cable: &Cable| truth.state().lost_switches.contains(&cable.port.switch);
    let lit = |channel| {
        let cable = machine.cables.get(&channel);
        cable.is_some_and(|cable| !lost(cable)) && machine.is_whole(channel)
    };
    let healthy = !broken.power && !broken.feed && !broken.boot && !broken.frozen;
    healthy
        && !broken.bmc
        && broken.reads.is_none()
        && broken.san_ports.is_empty()
        // Every switch that it is cabled to must take its configuration.
        && !machine.cables.values().any(lost)
        && networks(truth.site(), of).all(|network| channels(of, network).any(lit))
}

/// Why a server cannot be proven unable to act in any way that its pool allows, if so.
fn unprovable(truth: &Truth<'_>, server: &ServerName) -> Option<String> {
    let machine = truth.machine(server)?;
    let policy = truth.site().policy_of(server)?;
    let broken = &machine.broken;
    let honest = !broken.bmc && !broken.feed && broken.reads.is_none();
    let lost = |cable: &Cable| truth.state().lost_switches.contains(&cable.port.switch);
    let off = honest && policy.fence_levels.contains(&FenceLevel::Off);
    let isolated =
        !machine.cables.values().any(lost) && policy.fence_levels.contains(&FenceLevel::Isolation);
    let nothing = !off && !isolated;
    nothing.then(|| format!("{server} can neither be proven off nor be isolated"))
}

/// What stands in the way whatever the servers are like.
fn in_the_way(truth: &Truth<'_>) -> Vec<String> {
    let state = truth.state();
    let cut_off = (!truth.controller_hears()).then(|| "the controller is cut off".to_owned());
    let unrecorded =
        (!truth.store_answers()).then(|| "the controller can record nothing".to_owned());
    // Shutting out asks every array, and the persona lives on some of them.
    let lost = state
        .lost_arrays
        .iter()
        .map(|array| format!("array {array} is lost"));
    cut_off.into_iter().chain(unrecorded).chain(lost).collect()
}
