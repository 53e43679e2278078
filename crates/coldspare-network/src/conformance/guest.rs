//! What every guest must do.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coldspare_names::{Channel, NetworkName};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;

use super::{Outcome, Violation, answered, ensure};
use crate::{
    ChannelPair, Error, Guest, GuestNetwork, GuestPlan, Interfaces, Link, Mtu, Nic, VlanId,
};

/// A guest to check, and the world around it.
#[async_trait]
pub trait Rig: Send + Sync {
    /// The guest, freshly booted: both NICs have a link, and nothing is configured.
    async fn fresh(&self) -> Box<dyn Guest>;

    /// Two of its NICs.
    fn nics(&self) -> [MacAddr6; 2];

    /// A NIC gains or loses its link; returns when the guest has had the time to act on it.
    async fn set_link(&self, nic: MacAddr6, link: Link);

    /// Whether it has begun to shut down since it was made.
    async fn is_shutting_down(&self) -> bool;
}

/// What the guest does wrong.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    let outcomes = [
        ("reports-its-nics", reports_its_nics(rig).await),
        ("configures-what-is-planned", configures(rig).await),
        (
            "replaces-the-plan-whole",
            replaces_the_plan_whole(rig).await,
        ),
        ("may-be-repeated", may_be_repeated(rig).await),
        ("fails-over", fails_over(rig).await),
        (
            "reports-what-is-cut-off",
            reports_what_is_cut_off(rig).await,
        ),
        (
            "keeps-plain-interfaces-in-place",
            keeps_plain_in_place(rig).await,
        ),
        ("refuses-absent-nics", refuses_absent_nics(rig).await),
        ("shuts-down-when-asked", shuts_down_when_asked(rig).await),
    ];
    let violation = |(check, outcome): (_, Outcome)| {
        let reason = outcome.err()?;
        Some(Violation { check, reason })
    };
    outcomes.into_iter().filter_map(violation).collect()
}

async fn reports_its_nics(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let [first, second] = rig.nics();
    for link in [Link::Up, Link::Down, Link::Up] {
        rig.set_link(first, link).await;
        let nics = read(&*guest).await?.nics;
        for nic in [
            Nic { mac: first, link },
            Nic {
                mac: second,
                link: Link::Up,
            },
        ] {
            ensure(nics.contains(&nic), || {
                format!("{nic:?} is not among {nics:?}")
            })?;
        }
    }
    let configured = read(&*guest).await?.configured;
    ensure(configured == GuestPlan::default(), || {
        format!("it says that it booted with {configured:?}")
    })
}

async fn configures(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let plan = tagged(rig)?;
    configure(&*guest, &plan).await?;
    carried(&*guest, &[("mapi", 1), ("replication", 2)]).await
}

async fn replaces_the_plan_whole(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let plan = tagged(rig)?;
    let mut smaller = plan.clone();
    smaller.networks.pop_last();
    smaller.gateway = None;
    answered("setting a plan", guest.set_plan(&plan).await)?;
    configure(&*guest, &smaller).await?;
    configure(&*guest, &GuestPlan::default()).await
}

async fn may_be_repeated(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let plan = tagged(rig)?;
    answered("setting a plan", guest.set_plan(&plan).await)?;
    configure(&*guest, &plan).await
}

async fn fails_over(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    answered("setting a plan", guest.set_plan(&tagged(rig)?).await)?;
    rig.set_link(rig.nics()[0], Link::Down).await;
    carried(&*guest, &[("mapi", 2), ("replication", 2)]).await?;
    rig.set_link(rig.nics()[0], Link::Up).await;
    carried(&*guest, &[("mapi", 1), ("replication", 2)]).await
}

async fn reports_what_is_cut_off(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    answered("setting a plan", guest.set_plan(&tagged(rig)?).await)?;
    for nic in rig.nics() {
        rig.set_link(nic, Link::Down).await;
    }
    carried(&*guest, &[]).await
}

async fn keeps_plain_in_place(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let mut plan = tagged(rig)?;
    for network in plan.networks.values_mut() {
        network.tag = None;
        network.channels = pair(network.channels.primary(), None)?;
    }
    answered("setting a plan", guest.set_plan(&plan).await)?;
    rig.set_link(rig.nics()[0], Link::Down).await;
    carried(&*guest, &[("replication", 2)]).await
}

async fn refuses_absent_nics(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let mut plan = tagged(rig)?;
    let absent = MacAddr6::new(0x02, 0, 0, 0xff, 0xff, 0xfe);
    plan.nics.insert(channel(2)?, absent);
    let answer = guest.set_plan(&plan).await;
    ensure(matches!(answer, Err(Error::GuestRefused { .. })), || {
        format!("to a plan for {absent} it answered {answer:?}")
    })?;
    let configured = read(&*guest).await?.configured;
    ensure(configured == GuestPlan::default(), || {
        "it refused a plan, and did a part of it".to_owned()
    })
}

async fn shuts_down_when_asked(rig: &dyn Rig) -> Outcome {
    let guest = rig.fresh().await;
    let early = rig.is_shutting_down().await;
    ensure(!early, || "it shuts down unasked".to_owned())?;
    answered("shutting down", guest.shut_down().await)?;
    let begun = rig.is_shutting_down().await;
    ensure(begun, || {
        "it was asked to shut down, and goes on".to_owned()
    })
}

async fn read(guest: &dyn Guest) -> Result<Interfaces, String> {
    answered("reading the interfaces", guest.interfaces().await)
}

async fn configure(guest: &dyn Guest, plan: &GuestPlan) -> Outcome {
    answered("setting a plan", guest.set_plan(plan).await)?;
    let configured = read(guest).await?.configured;
    ensure(configured == *plan, || {
        format!("{plan:?} became {configured:?}")
    })
}

async fn carried(guest: &dyn Guest, wanted: &[(&str, u8)]) -> Outcome {
    let mut carriers = BTreeMap::new();
    for &(network, number) in wanted {
        carriers.insert(name(network)?, channel(number)?);
    }
    let found = read(guest).await?.carriers;
    ensure(found == carriers, || {
        format!("networks should be on {carriers:?} and are on {found:?}")
    })
}

/// Two networks whose channels protect each other, as MAPI and replication do in the study.
fn tagged(rig: &dyn Rig) -> Result<GuestPlan, String> {
    let (first, second) = (channel(1)?, channel(2)?);
    let network = |vlan, address: &str, channels| {
        Ok::<_, String>(GuestNetwork {
            tag: Some(VlanId::new(vlan).map_err(|problem| problem.to_string())?),
            channels,
            address: Some(
                address
                    .parse::<Ipv4Net>()
                    .map_err(|error| error.to_string())?,
            ),
            mtu: Mtu::default(),
        })
    };
    let mapi = network(101, "10.101.0.11/24", pair(first, Some(second))?)?;
    let replication = network(102, "10.102.0.11/24", pair(second, Some(first))?)?;
    let [first_nic, second_nic] = rig.nics();
    Ok(GuestPlan {
        nics: BTreeMap::from([(first, first_nic), (second, second_nic)]),
        networks: BTreeMap::from([(name("mapi")?, mapi), (name("replication")?, replication)]),
        gateway: Some([10, 101, 0, 1].into()),
    })
}

fn name(text: &str) -> Result<NetworkName, String> {
    NetworkName::new(text).map_err(|error| error.to_string())
}

fn channel(number: u8) -> Result<Channel, String> {
    Channel::new(number).map_err(|error| error.to_string())
}

fn pair(primary: Channel, secondary: Option<Channel>) -> Result<ChannelPair, String> {
    ChannelPair::new(primary, secondary).map_err(|problem| problem.to_string())
}
