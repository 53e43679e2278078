//! Everything that can break in a site, and when.

use std::time::Duration;

use coldspare::site::{Site, SiteErrors};
use coldspare_names::{ServerName, Time};
use coldspare_sim::{Fault, FaultKind, Reads, Scenario};

/// The paper's site and its failover.
pub(crate) fn paper() -> Result<(Site, Scenario), SiteErrors> {
    let site = include_str!("../sites/white-paper.toml");
    let site = Site::parse(site, "examples/sites/white-paper.toml")?;
    let scenario = include_str!("../scenarios/power-loss.toml");
    let scenario = Scenario::parse(scenario, "examples/scenarios/power-loss.toml", &site)?;
    Ok((site, scenario))
}

/// From just before the paper's server dies until its persona is back.
const FAILOVER: std::ops::Range<u64> = 590..2_000;
/// Long enough for two boot timers and all that follows, after the last fault.
const ENOUGH: Duration = Duration::from_mins(110);

/// Every single fault at each so many seconds of the failover.
pub(crate) fn singles(site: &Site, failover: &Scenario, every: u64) -> Vec<Scenario> {
    let kinds = kinds(site);
    let seconds = FAILOVER.step_by(usize::try_from(every.max(1)).unwrap_or(1));
    seconds
        .flat_map(|at| kinds.iter().map(move |kind| with(failover, &[(kind, at)])))
        .collect()
}

/// Pairs of faults, drawn by the seed.
pub(crate) fn pairs(site: &Site, failover: &Scenario, seed: u64, count: u64) -> Vec<Scenario> {
    let kinds = kinds(site);
    let mut state = seed;
    let mut draw = |below: u64| {
        // A congruential generator (Knuth's MMIX constants) is all that sampling needs.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    };
    let length = FAILOVER.end - FAILOVER.start;
    let mut pairs = Vec::new();
    for _ in 0..count {
        let mut one = || {
            let kind = usize::try_from(draw(kinds.len() as u64)).unwrap_or_default();
            (&kinds[kind], FAILOVER.start + draw(length))
        };
        let pair = [one(), one()];
        pairs.push(with(failover, &pair));
    }
    pairs
}

fn with(failover: &Scenario, more: &[(&FaultKind, u64)]) -> Scenario {
    let mut scenario = failover.clone();
    let more = more.iter().map(|(kind, at)| Fault {
        at: Time::after_epoch(Duration::from_secs(*at)),
        kind: (*kind).clone(),
        lasts: None,
    });
    scenario.faults.extend(more);
    scenario.faults.sort_by_key(|fault| fault.at);
    scenario.duration = Duration::from_secs(FAILOVER.end) + ENOUGH;
    scenario
}

/// Every fault that there is, with every subject that the site has.
fn kinds(site: &Site) -> Vec<FaultKind> {
    let mut kinds = vec![
        FaultKind::ControllerLinkLoss,
        FaultKind::ControllerCrash,
        FaultKind::StoreLoss,
        FaultKind::StoreSilence,
    ];
    for server in site.servers.keys() {
        kinds.extend(of_server(site, server));
    }
    let domains = site.servers.values().flat_map(|of| &of.server.domains);
    let feeds = domains.filter(|domain| domain.kind.as_str() == "feed");
    kinds.extend(feeds.map(|feed| FaultKind::FeedLoss {
        feed: feed.name.clone(),
    }));
    let switches = site.switches.keys().filter(|switch| site.manages(switch));
    kinds.extend(switches.map(|switch| FaultKind::SwitchLoss {
        switch: switch.clone(),
    }));
    kinds.extend(site.arrays.keys().map(|array| FaultKind::ArrayLoss {
        array: array.clone(),
    }));
    for of in site.dags.values() {
        kinds.extend(of.volumes.keys().map(|copy| FaultKind::VolumeDamage {
            database: copy.database.clone(),
            member: copy.member.clone(),
        }));
        let members = of.personas.keys();
        kinds.extend(members.map(|member| FaultKind::MemberServicesStop {
            member: member.clone(),
        }));
    }
    kinds
}

fn of_server(site: &Site, name: &ServerName) -> Vec<FaultKind> {
    let server = || name.clone();
    let mut kinds = vec![
        FaultKind::PowerLoss { server: server() },
        FaultKind::PowerReturn { server: server() },
        FaultKind::BmcLoss { server: server() },
        FaultKind::BmcLies {
            server: server(),
            reads: Reads::On,
        },
        FaultKind::BmcLies {
            server: server(),
            reads: Reads::Off,
        },
        FaultKind::SanLoss { server: server() },
        FaultKind::AgentHang { server: server() },
        FaultKind::ServerFreeze { server: server() },
        FaultKind::BootFailure { server: server() },
        FaultKind::Repair { server: server() },
    ];
    let Some(of) = site.servers.get(name) else {
        return kinds;
    };
    for channel in of.server.nics.keys() {
        kinds.push(FaultKind::NicLoss {
            server: server(),
            channel: *channel,
        });
        kinds.push(FaultKind::CableLoss {
            server: server(),
            channel: *channel,
        });
    }
    let ports = 1..=of.server.san_ports.as_slice().len();
    kinds.extend(ports.map(|port| FaultKind::SanPortLoss {
        server: server(),
        port,
    }));
    kinds
}
