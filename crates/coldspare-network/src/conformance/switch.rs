//! What every switch must do.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};

use super::{Outcome, Violation, answered, ensure};
use crate::{Error, Link, Membership, Observed, PortStatus, Switch, SwitchPlan, Trunk, VlanId};

/// A switch to check, and the world around it.
#[async_trait]
pub trait Rig: Send + Sync {
    /// The switch, made afresh: every managed port parked and with a link, and nobody else at it.
    async fn fresh(&self) -> Box<dyn Switch>;

    /// What the handle should call itself.
    fn name(&self) -> SwitchName;

    /// Two of its managed ports.
    fn managed(&self) -> [PortName; 2];

    /// A port of it that the handle may not set: an uplink.
    fn uplink(&self) -> PortName;

    /// Somebody else sets a managed port, past the handle.
    async fn intrude(&self, port: &PortName, membership: &Membership);

    /// The other end of a managed port appears or goes; returns when the switch can know it.
    async fn set_link(&self, port: &PortName, link: Link);

    /// Every VLAN that each managed port has passed since the switch was made, however shortly.
    async fn passed(&self) -> BTreeMap<PortName, BTreeSet<VlanId>>;
}

/// What the switch does wrong.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    let outcomes = [
        ("names-itself", names_itself(rig).await),
        ("reports-every-port", reports_every_port(rig).await),
        ("reports-links", reports_links(rig).await),
        ("sees-others-changes", sees_others_changes(rig).await),
        ("sets-whole-values", sets_whole_values(rig).await),
        ("leaves-others-alone", leaves_others_alone(rig).await),
        ("may-be-repeated", may_be_repeated(rig).await),
        ("completes-a-half", completes_a_half(rig).await),
        ("finds-conflicts", finds_conflicts(rig).await),
        ("guards-what-is-only-expected", guards_expected(rig).await),
        ("changes-all-or-nothing", all_or_nothing(rig).await),
        ("refuses-uplinks", refuses_uplinks(rig).await),
        ("refuses-unknown-ports", refuses_unknown_ports(rig).await),
        ("lets-one-writer-win", lets_one_writer_win(rig).await),
        ("leaks-nothing-on-the-way", leaks_nothing(rig).await),
    ];
    let violation = |(check, outcome): (_, Outcome)| {
        let reason = outcome.err()?;
        Some(Violation { check, reason })
    };
    outcomes.into_iter().filter_map(violation).collect()
}

async fn names_itself(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let (says, name) = (switch.name(), rig.name());
    ensure(*says == name, || format!("{name} calls itself {says}"))
}

async fn reports_every_port(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let ports = read(&*switch).await?;
    for port in rig.managed() {
        let status = ports.get(&port).ok_or(format!("{port} is missing"))?;
        ensure(status.managed, || format!("{port} is not called managed"))?;
        expect(&ports, &port, &Membership::Parked)?;
    }
    let uplink = ports.get(&rig.uplink()).ok_or("the uplink is missing")?;
    ensure(!uplink.managed, || {
        "the uplink is called managed".to_owned()
    })
}

async fn reports_links(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, other] = rig.managed();
    for link in [Link::Down, Link::Up] {
        rig.set_link(&port, link).await;
        let ports = read(&*switch).await?;
        let found = |port| ports.get(port).map(|status: &PortStatus| status.link);
        ensure(found(&port) == Some(link), || {
            format!("{port} is not called {link:?}")
        })?;
        ensure(found(&other) == Some(Link::Up), || {
            format!("{other} is not called Up")
        })?;
    }
    Ok(())
}

async fn sees_others_changes(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, _] = rig.managed();
    let before = read(&*switch).await?;
    expect(&before, &port, &Membership::Parked)?;
    rig.intrude(&port, &access(101)?).await;
    expect(&read(&*switch).await?, &port, &access(101)?)
}

async fn sets_whole_values(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, _] = rig.managed();
    let mut before = Membership::Parked;
    for wanted in [
        access(101)?,
        trunk(&[102], None)?,
        trunk(&[101, 102, 4004], None)?,
        trunk(&[102], Some(103))?,
        trunk(&[], Some(101))?,
        trunk(&[4004], None)?,
        access(102)?,
        Membership::Parked,
    ] {
        set(&*switch, &[(&port, &before)], &[(&port, &wanted)]).await?;
        expect(&read(&*switch).await?, &port, &wanted)?;
        before = wanted;
    }
    Ok(())
}

async fn leaves_others_alone(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, other] = rig.managed();
    rig.intrude(&other, &access(102)?).await;
    let before = read(&*switch).await?;
    set(&*switch, &[], &[(&port, &access(101)?)]).await?;
    let mut after = read(&*switch).await?;
    expect(&after, &port, &access(101)?)?;
    after.insert(port.clone(), before[&port].clone());
    ensure(after == before, || "another port changed".to_owned())
}

async fn may_be_repeated(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, _] = rig.managed();
    for _ in 0..2 {
        let (parked, wanted) = (Membership::Parked, trunk(&[101, 102], None)?);
        set(&*switch, &[(&port, &parked)], &[(&port, &wanted)]).await?;
        expect(&read(&*switch).await?, &port, &wanted)?;
    }
    Ok(())
}

async fn completes_a_half(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [done, open] = rig.managed();
    let (parked, wanted) = (Membership::Parked, access(101)?);
    rig.intrude(&done, &wanted).await;
    let expected = [(&done, &parked), (&open, &parked)];
    set(&*switch, &expected, &[(&done, &wanted), (&open, &wanted)]).await?;
    let ports = read(&*switch).await?;
    expect(&ports, &done, &wanted)?;
    expect(&ports, &open, &wanted)
}

async fn finds_conflicts(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, _] = rig.managed();
    let theirs = access(102)?;
    rig.intrude(&port, &theirs).await;
    let (parked, wanted) = (Membership::Parked, access(101)?);
    conflicts(&try_set(&*switch, &[(&port, &parked)], &[(&port, &wanted)]).await)?;
    expect(&read(&*switch).await?, &port, &theirs)
}

async fn guards_expected(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, guard] = rig.managed();
    rig.intrude(&guard, &access(102)?).await;
    let (parked, wanted) = (Membership::Parked, access(101)?);
    let expected = [(&port, &parked), (&guard, &parked)];
    conflicts(&try_set(&*switch, &expected, &[(&port, &wanted)]).await)
}

async fn all_or_nothing(rig: &dyn Rig) -> Outcome {
    for stale in 0..2 {
        let switch = rig.fresh().await;
        let ports = rig.managed();
        rig.intrude(&ports[stale], &access(102)?).await;
        let before = read(&*switch).await?;
        let (parked, wanted) = (Membership::Parked, access(101)?);
        let expected = ports.each_ref().map(|port| (port, &parked));
        let answer = try_set(&*switch, &expected, &expected.map(|(p, _)| (p, &wanted))).await;
        ensure(answer.is_err(), || "a conflict went unnoticed".to_owned())?;
        let unchanged = read(&*switch).await? == before;
        ensure(unchanged, || "a conflict stopped it halfway".to_owned())?;
    }
    Ok(())
}

async fn refuses_uplinks(rig: &dyn Rig) -> Outcome {
    refuses(rig, &rig.uplink()).await
}

async fn refuses_unknown_ports(rig: &dyn Rig) -> Outcome {
    let unknown = PortName::new("no-such-port").map_err(|error| error.to_string())?;
    refuses(rig, &unknown).await
}

async fn refuses(rig: &dyn Rig, unmanaged: &PortName) -> Outcome {
    let switch = rig.fresh().await;
    let [port, _] = rig.managed();
    let before = read(&*switch).await?;
    let wanted = access(101)?;
    let answer = try_set(&*switch, &[], &[(unmanaged, &wanted), (&port, &wanted)]).await;
    ensure(matches!(answer, Err(Error::PortUnmanaged { .. })), || {
        format!("it did not answer that {unmanaged} is not managed, but {answer:?}")
    })?;
    let unchanged = read(&*switch).await? == before;
    ensure(unchanged, || "it refused, and changed a port".to_owned())
}

async fn lets_one_writer_win(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let ports = rig.managed();
    let parked = Membership::Parked;
    let expected = ports.each_ref().map(|port| (port, &parked));
    let wishes = [access(101)?, access(102)?];
    let plans = wishes
        .each_ref()
        .map(|wish| expected.map(|(port, _)| (port, wish)));
    let (first, second) = tokio::join!(
        try_set(&*switch, &expected, &plans[0]),
        try_set(&*switch, &expected, &plans[1]),
    );
    let winner = match (first, second) {
        (Ok(()), loser) => conflicts(&loser).map(|()| &wishes[0])?,
        (loser, Ok(())) => conflicts(&loser).map(|()| &wishes[1])?,
        (Err(error), Err(_)) => return Err(format!("neither of two writers won: {error}")),
    };
    let found = read(&*switch).await?;
    ports
        .iter()
        .try_for_each(|port| expect(&found, port, winner))
}

async fn leaks_nothing(rig: &dyn Rig) -> Outcome {
    let switch = rig.fresh().await;
    let [port, other] = rig.managed();
    let (from, to) = (trunk(&[101, 4004], None)?, trunk(&[102, 4004], None)?);
    let parked = Membership::Parked;
    set(&*switch, &[(&port, &parked)], &[(&port, &from)]).await?;
    let expected = [(&port, &from), (&other, &parked)];
    set(
        &*switch,
        &expected,
        &[(&port, &to), (&other, &access(103)?)],
    )
    .await?;
    let mut passed = rig.passed().await;
    for (port, before, now) in [
        (port, from.vlans(), to.vlans()),
        (other, BTreeSet::new(), access(103)?.vlans()),
    ] {
        let passed = passed.remove(&port).unwrap_or_default();
        let leaked = &passed - &(&before | &now);
        ensure(leaked.is_empty(), || {
            format!("{port} has passed {leaked:?}")
        })?;
        let unseen = &now - &passed;
        ensure(unseen.is_empty(), || {
            format!("{port} was not seen to pass {unseen:?}: a blind watch sees no leak either")
        })?;
    }
    Ok(())
}

async fn read(switch: &dyn Switch) -> Result<BTreeMap<PortName, PortStatus>, String> {
    answered("reading the ports", switch.ports().await)
}

type Ports<'a> = [(&'a PortName, &'a Membership)];

async fn try_set(
    switch: &dyn Switch,
    expected: &Ports<'_>,
    wanted: &Ports<'_>,
) -> Result<(), Error> {
    let expected = expected.iter().map(|&(port, membership)| {
        let observed = Observed::Known(membership.clone());
        (port.clone(), observed)
    });
    let wanted = wanted
        .iter()
        .map(|&(port, membership)| (port.clone(), membership.clone()));
    switch
        .set_ports(&expected.collect(), &wanted.collect::<SwitchPlan>())
        .await
}

async fn set(switch: &dyn Switch, expected: &Ports<'_>, wanted: &Ports<'_>) -> Outcome {
    answered("setting ports", try_set(switch, expected, wanted).await)
}

fn conflicts(answer: &Result<(), Error>) -> Outcome {
    ensure(matches!(answer, Err(Error::Conflict { .. })), || {
        format!("it did not answer with a conflict, but {answer:?}")
    })
}

fn expect(ports: &BTreeMap<PortName, PortStatus>, port: &PortName, wanted: &Membership) -> Outcome {
    let observed = ports.get(port).map(|status| &status.observed);
    ensure(observed.is_some_and(|observed| observed.is(wanted)), || {
        format!("{port} should be {wanted:?} and is {observed:?}")
    })
}

fn vlan(number: u16) -> Result<VlanId, String> {
    VlanId::new(number).map_err(|problem| problem.to_string())
}

fn access(number: u16) -> Result<Membership, String> {
    vlan(number).map(Membership::Access)
}

fn trunk(tagged: &[u16], native: Option<u16>) -> Result<Membership, String> {
    let tagged = tagged
        .iter()
        .map(|&number| vlan(number))
        .collect::<Result<_, _>>()?;
    let native = native.map(vlan).transpose()?;
    let trunk = Trunk::new(tagged, native).map_err(|problem| problem.to_string())?;
    Ok(Membership::Trunk(trunk))
}
