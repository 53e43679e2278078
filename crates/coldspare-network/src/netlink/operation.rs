//! From what the kernel has to what is planned, step by step.

use std::net::Ipv4Addr;

use coldspare_names::Channel;
use ipnet::Ipv4Net;

use super::found::{Found, Interface, Kind, Mark, Role};
use crate::{GuestNetwork, GuestPlan, VlanId, carriers};

/// One thing to ask of the kernel; interfaces by name, since some are made on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    RemoveGateway(Ipv4Addr),
    RemoveInterface {
        name: String,
        index: u32,
    },
    CreateTagged {
        name: String,
        over: u32,
        tag: VlanId,
    },
    SetMark(String, Option<Mark>),
    SetMtu(String, u32),
    BringDown(String),
    RemoveAddress(String, Ipv4Net),
    AddAddress(String, Ipv4Net),
    /// Up, announcing the addresses that it has.
    BringUp(String),
    AddGateway(Ipv4Addr, String),
}

/// An interface that a plan needs.
struct Wanted<'a> {
    name: String,
    mark: Mark,
    network: &'a GuestNetwork,
    /// The NIC, which for a plain interface is the interface.
    nic: &'a Interface,
    carries: bool,
}

/// What to do, in this order, or why the plan cannot be carried out. Nothing, if all is as planned.
///
/// What an address leaves has lost it before another interface has it: at no time does a network's
/// address stand on two interfaces.
pub(super) fn operations(found: &Found, plan: &GuestPlan) -> Result<Vec<Operation>, String> {
    let all = wanted(found, plan)?;
    let mut steps = Vec::new();
    release(found, plan, &all, &mut steps);
    for (&channel, mac) in &plan.nics {
        if let Some(nic) = found.nic(*mac) {
            prepare_nic(nic, channel, &all, &mut steps);
        }
    }
    for one in &all {
        prepare(found, one, &mut steps);
    }
    for one in all.iter().filter(|one| one.carries) {
        activate(found, one, &mut steps);
    }
    set_gateway(found, plan, &all, &mut steps)?;
    Ok(steps)
}

fn wanted<'a>(found: &'a Found, plan: &'a GuestPlan) -> Result<Vec<Wanted<'a>>, String> {
    for mac in plan.nics.values() {
        found
            .nic(*mac)
            .ok_or_else(|| format!("there is no NIC {mac}"))?;
    }
    let networks = found.networks();
    let should = carriers(plan, &found.channels_up(plan));
    let mut all = Vec::new();
    for (name, network) in &plan.networks {
        // A network that is cut off stays where it is: any move would be for nothing.
        let stays = || {
            let mut interfaces = networks.get(name)?.values();
            let (channel, _) = interfaces.find(|(_, one)| one.is_up)?;
            network.channels.in_order().find(|one| one == channel)
        };
        let carrier = should.get(name).copied().or_else(stays);
        let carrier = carrier.unwrap_or(network.channels.primary());
        let roles = [Role::Primary, Role::Secondary];
        for (channel, role) in network.channels.in_order().zip(roles) {
            let nic = plan.nics.get(&channel).and_then(|mac| found.nic(*mac));
            let nic = nic.ok_or_else(|| format!("channel {channel} of {name} has no NIC"))?;
            all.push(Wanted {
                name: network
                    .tag
                    .map_or_else(|| nic.name.clone(), |tag| format!("c{channel}v{tag}")),
                mark: Mark {
                    channel,
                    network: Some((role, name.clone())),
                },
                network,
                nic,
                carries: channel == carrier,
            });
        }
    }
    Ok(all)
}

/// Lets go of what is ours and no longer planned.
fn release(found: &Found, plan: &GuestPlan, all: &[Wanted<'_>], steps: &mut Vec<Operation>) {
    for old in found.interfaces.iter().filter(|one| one.mark.is_some()) {
        match old.kind {
            Kind::Tagged { .. } if !all.iter().any(|one| one.is(old)) => {
                steps.push(Operation::RemoveInterface {
                    name: old.name.clone(),
                    index: old.index,
                });
            }
            Kind::Nic(mac) if !plan.nics.values().any(|planned| *planned == mac) => {
                remove_addresses(old, None, steps);
                steps.push(Operation::SetMark(old.name.clone(), None));
            }
            _ => {}
        }
    }
}

fn prepare_nic(nic: &Interface, channel: Channel, all: &[Wanted<'_>], steps: &mut Vec<Operation>) {
    let here = || all.iter().filter(|one| one.nic.index == nic.index);
    let plain = here().find(|one| one.network.tag.is_none());
    let mark = plain.map_or(
        Mark {
            channel,
            network: None,
        },
        |one| one.mark.clone(),
    );
    if plain.is_none() && nic.mark.as_ref().is_some_and(|mark| mark.network.is_some()) {
        remove_addresses(nic, None, steps);
    }
    if nic.mark.as_ref() != Some(&mark) {
        steps.push(Operation::SetMark(nic.name.clone(), Some(mark)));
    }
    // Sub-interfaces cannot pass more than the NIC under them.
    let largest = here().map(|one| u32::from(one.network.mtu.bytes())).max();
    let fits = |mtu: &u32| nic.mtu >= *mtu && (plain.is_none() || nic.mtu == *mtu);
    if let Some(mtu) = largest.filter(|mtu| !fits(mtu)) {
        steps.push(Operation::SetMtu(nic.name.clone(), mtu));
    }
    if plain.is_none() && !nic.is_up {
        steps.push(Operation::BringUp(nic.name.clone()));
    }
}

/// An interface as it should be, but for the address that it has yet to get.
fn prepare(found: &Found, one: &Wanted<'_>, steps: &mut Vec<Operation>) {
    let old = one.old(found);
    if let Some(old) = old {
        remove_addresses(old, one.address(), steps);
    }
    let Some(tag) = one.network.tag else { return };
    if old.is_none() {
        steps.push(Operation::CreateTagged {
            name: one.name.clone(),
            over: one.nic.index,
            tag,
        });
    }
    if old.and_then(|old| old.mark.as_ref()) != Some(&one.mark) {
        let mark = Some(one.mark.clone());
        steps.push(Operation::SetMark(one.name.clone(), mark));
    }
    let mtu = u32::from(one.network.mtu.bytes());
    if old.is_none_or(|old| old.mtu != mtu) {
        steps.push(Operation::SetMtu(one.name.clone(), mtu));
    }
    // The kernel may bring up all sub-interfaces of a NIC with it.
    let brought_up = old.is_some() && !one.nic.is_up;
    if !one.carries && (brought_up || old.is_some_and(|old| old.is_up)) {
        steps.push(Operation::BringDown(one.name.clone()));
    }
}

/// The interface that carries the network: it goes up with its address, so that it announces it.
fn activate(found: &Found, one: &Wanted<'_>, steps: &mut Vec<Operation>) {
    let old = one.old(found);
    let has = |address| old.is_some_and(|old| old.addresses.contains(&address));
    let lacks = one.address().filter(|address| !has(*address));
    let is_up = old.is_some_and(|old| old.is_up);
    if is_up && lacks.is_some() {
        steps.push(Operation::BringDown(one.name.clone()));
    }
    steps.extend(lacks.map(|address| Operation::AddAddress(one.name.clone(), address)));
    if !is_up || lacks.is_some() {
        steps.push(Operation::BringUp(one.name.clone()));
    }
}

fn set_gateway(
    found: &Found,
    plan: &GuestPlan,
    all: &[Wanted<'_>],
    steps: &mut Vec<Operation>,
) -> Result<(), String> {
    let way_to = |router: &Ipv4Addr| {
        let leads = |one: &&Wanted| one.network.address.is_some_and(|net| net.contains(router));
        all.iter().filter(|one| one.carries).find(leads)
    };
    let wanted = match plan.gateway {
        None => None,
        Some(router) => {
            let way = way_to(&router);
            let way =
                way.ok_or_else(|| format!("no address of the plan is on {router}'s subnet"))?;
            Some((router, way))
        }
    };
    // A route goes with the interface that it leads over.
    let is_disturbed = |name: &String| {
        steps.iter().any(|step| match step {
            Operation::BringUp(one) | Operation::BringDown(one) => one == name,
            _ => false,
        })
    };
    let stays = wanted.as_ref().is_some_and(|(router, way)| {
        let index = way.old(found).map(|old| old.index);
        found.gateway == index.map(|index| (*router, index)) && !is_disturbed(&way.name)
    });
    if !stays {
        if let Some((router, _)) = found.gateway {
            steps.insert(0, Operation::RemoveGateway(router));
        }
        steps.extend(wanted.map(|(router, way)| Operation::AddGateway(router, way.name.clone())));
    }
    Ok(())
}

impl Wanted<'_> {
    /// The address that it should have.
    fn address(&self) -> Option<Ipv4Net> {
        self.network.address.filter(|_| self.carries)
    }

    /// Whether that interface is it, already.
    fn is(&self, old: &Interface) -> bool {
        match (self.network.tag, &old.kind) {
            (None, Kind::Nic(_)) => self.nic.index == old.index,
            (Some(wanted), Kind::Tagged { over, tag }) => {
                self.name == old.name && self.nic.index == *over && wanted == *tag
            }
            _ => false,
        }
    }

    fn old<'f>(&self, found: &'f Found) -> Option<&'f Interface> {
        found.interfaces.iter().find(|old| self.is(old))
    }
}

fn remove_addresses(from: &Interface, but: Option<Ipv4Net>, steps: &mut Vec<Operation>) {
    let others = from
        .addresses
        .iter()
        .filter(|address| Some(**address) != but);
    steps.extend(others.map(|address| Operation::RemoveAddress(from.name.clone(), *address)));
}
