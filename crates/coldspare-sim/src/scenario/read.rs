//! From the tables of a scenario file to a scenario.

use std::fmt::Display;
use std::str::FromStr;

use coldspare::site::{KeyPath, Site, SiteError};
use coldspare_names::{ServerName, Time};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Scenario;
use super::entries::{Entries, Mistakes, Wrong, duration, number, parsed, text};
use crate::fault::Reads;
use crate::{Fault, FaultKind, Latency};

type Value<'t> = Spanned<DeValue<'t>>;

pub(super) fn scenario(source: &str, site: &Site) -> Result<Scenario, Vec<SiteError>> {
    let mistakes = Mistakes::of(source);
    let (top, syntax) = DeTable::parse_recoverable(source);
    for error in &syntax {
        let offset = error.span().map_or(0, |span| span.start);
        mistakes.add(offset, KeyPath::default(), error.message().into());
    }
    if !syntax.is_empty() {
        return Err(mistakes.all());
    }
    let mut entries = Entries::new(&mistakes, KeyPath::default(), 0, top.get_ref());
    let length = entries.required("duration", duration);
    let mut latency = Latency::default();
    if let Some((offset, table)) = entries.optional("latency", table) {
        let path = KeyPath::from("latency");
        read_latency(Entries::new(&mistakes, path, offset, table), &mut latency);
    }
    let list = entries.optional("fault", |value| {
        value.get_ref().as_array().ok_or_else(|| "write it as [[fault]]".into())
    });
    let mut faults = Vec::new();
    for (index, value) in list.into_iter().flatten().enumerate() {
        let path = KeyPath::from("fault").then(index);
        match table(value) {
            Ok((offset, table)) => {
                let entries = Entries::new(&mistakes, path, offset, table);
                faults.extend(read_fault(entries, site, length.map(Time::after_epoch)));
            }
            Err(wrong) => mistakes.add(value.span().start, path, wrong),
        }
    }
    entries.finish();
    let errors = mistakes.all();
    match length {
        Some(duration) if errors.is_empty() => Ok(Scenario { duration, latency, faults }),
        _ => Err(errors),
    }
}

fn table<'a, 't>(value: &'a Value<'t>) -> Result<(usize, &'a DeTable<'t>), Wrong> {
    let found = value.get_ref();
    match found.as_table() {
        Some(table) => Ok((value.span().start, table)),
        None => Err(format!("expected table, found {}", found.type_str()).into()),
    }
}

fn read_latency(mut entries: Entries<'_, '_>, latency: &mut Latency) {
    entries.set("post", &mut latency.post, duration);
    entries.set("boot", &mut latency.boot, duration);
    entries.set("services", &mut latency.services, duration);
    entries.set("shut-down", &mut latency.shut_down, duration);
    entries.set("power-off", &mut latency.power_off, duration);
    entries.set("login-retry", &mut latency.login_retry, duration);
    entries.set("login-limit", &mut latency.login_limit, duration);
    entries.set("session-timeout", &mut latency.session_timeout, duration);
    entries.set("bmc-call", &mut latency.bmc_call, duration);
    entries.set("switch-call", &mut latency.switch_call, duration);
    entries.set("array-call", &mut latency.array_call, duration);
    entries.set("guest-call", &mut latency.guest_call, duration);
    entries.set("store-call", &mut latency.store_call, duration);
    entries.set("controller-restart", &mut latency.controller_restart, duration);
    entries.set("node-detection", &mut latency.node_detection, duration);
    entries.set("mount", &mut latency.mount, duration);
    entries.set("replay-rate", &mut latency.replay_rate, number);
    entries.set("logs", &mut latency.logs, number);
    entries.set("variation", &mut latency.variation, |value| match number(value)? {
        percent @ 0..100 => Ok(percent),
        _ => Err("it is a number of percent below 100".into()),
    });
    if latency.login_retry.as_millis() == 0 {
        entries.report("login-retry", "it is shorter than a millisecond");
    }
    if latency.replay_rate == 0 {
        entries.report("replay-rate", "nothing would ever be replayed");
    }
    entries.finish();
}

fn read_fault(mut entries: Entries<'_, '_>, site: &Site, end: Option<Time>) -> Option<Fault> {
    let at = entries.required("at", duration).map(Time::after_epoch);
    let lasts = entries.optional("for", duration);
    let word = entries.required("kind", text);
    if end.is_some_and(|end| at > Some(end)) {
        entries.report("at", "it is after the end of the run");
    }
    // Which keys belong here depends on the kind: without one, none is called unknown.
    let kind = read_kind(word?, &mut entries, site)?;
    if lasts.is_some() && kind.as_ref().is_some_and(|kind| !kind.can_end()) {
        entries.report("for", "this is not over by itself");
    }
    entries.finish();
    Some(Fault { at: at?, kind: kind?, lasts })
}

/// The outer option is whether there is such a kind, the inner one whether its subjects are good.
fn read_kind(word: &str, entries: &mut Entries<'_, '_>, site: &Site) -> Option<Option<FaultKind>> {
    const WORDS: [&str; 19] = [
        "power-loss",
        "power-return",
        "feed-loss",
        "bmc-loss",
        "bmc-lies",
        "nic-loss",
        "cable-loss",
        "switch-loss",
        "controller-link-loss",
        "san-port-loss",
        "san-loss",
        "array-loss",
        "agent-hang",
        "server-freeze",
        "boot-failure",
        "volume-damage",
        "member-services-stop",
        "controller-crash",
        "repair",
    ];
    let server = |entries: &mut Entries<'_, '_>| {
        entries.required("server", |value| one_of(value, "server", site.servers.keys()))
    };
    let dags = || site.dags.values().map(|of| &of.dag);
    let member = |entries: &mut Entries<'_, '_>| {
        let members = dags().flat_map(|dag| dag.members.keys());
        entries.required("member", |value| one_of(value, "member", members))
    };
    Some(match word {
        "power-loss" => server(entries).map(|server| FaultKind::PowerLoss { server }),
        "power-return" => server(entries).map(|server| FaultKind::PowerReturn { server }),
        "feed-loss" => {
            let domains = site.servers.values().flat_map(|of| &of.server.domains);
            let feeds = domains.filter(|domain| domain.kind.as_str() == "feed");
            let feeds = feeds.map(|domain| &domain.name);
            let feed = entries.required("feed", |value| one_of(value, "feed", feeds));
            feed.map(|feed| FaultKind::FeedLoss { feed })
        }
        "bmc-loss" => server(entries).map(|server| FaultKind::BmcLoss { server }),
        "bmc-lies" => {
            let server = server(entries);
            let reads = entries.required("reads", |value| match text(value)? {
                "on" => Ok(Reads::On),
                "off" => Ok(Reads::Off),
                other => Err(Wrong::unknown("it reads \"on\" or \"off\", not", other, ["on", "off"])),
            });
            both(server, reads).map(|(server, reads)| FaultKind::BmcLies { server, reads })
        }
        "nic-loss" | "cable-loss" => {
            let server = server(entries);
            let channel = entries.required("channel", number);
            let (server, channel) = match both(server, channel) {
                Some(both) => both,
                None => return Some(None),
            };
            if !site.servers[&server].server.nics.contains_key(&channel) {
                entries.report("channel", format!("{server} has no NIC on channel {channel}"));
                return Some(None);
            }
            Some(if word == "nic-loss" {
                FaultKind::NicLoss { server, channel }
            } else {
                FaultKind::CableLoss { server, channel }
            })
        }
        "switch-loss" => {
            let managed = site.switches.keys().filter(|switch| site.manages(switch));
            let switch = entries.required("switch", |value| one_of(value, "managed switch", managed));
            switch.map(|switch| FaultKind::SwitchLoss { switch })
        }
        "controller-link-loss" => Some(FaultKind::ControllerLinkLoss),
        "san-port-loss" => {
            let server: Option<ServerName> = server(entries);
            let port = entries.required("port", number::<usize>);
            let (server, port) = match both(server, port) {
                Some(both) => both,
                None => return Some(None),
            };
            let ports = site.servers[&server].server.san_ports.as_slice().len();
            if !(1..=ports).contains(&port) {
                entries.report("port", format!("{server} has SAN ports 1 to {ports}"));
                return Some(None);
            }
            Some(FaultKind::SanPortLoss { server, port })
        }
        "san-loss" => server(entries).map(|server| FaultKind::SanLoss { server }),
        "array-loss" => {
            let arrays = site.arrays.keys();
            let array = entries.required("array", |value| one_of(value, "array", arrays));
            array.map(|array| FaultKind::ArrayLoss { array })
        }
        "agent-hang" => server(entries).map(|server| FaultKind::AgentHang { server }),
        "server-freeze" => server(entries).map(|server| FaultKind::ServerFreeze { server }),
        "boot-failure" => server(entries).map(|server| FaultKind::BootFailure { server }),
        "volume-damage" => {
            let databases = dags().flat_map(|dag| dag.databases.keys());
            let database = entries.required("database", |value| one_of(value, "database", databases));
            let member = member(entries);
            both(database, member)
                .map(|(database, member)| FaultKind::VolumeDamage { database, member })
        }
        "member-services-stop" => {
            member(entries).map(|member| FaultKind::MemberServicesStop { member })
        }
        "controller-crash" => Some(FaultKind::ControllerCrash),
        "repair" => server(entries).map(|server| FaultKind::Repair { server }),
        other => {
            entries.report("kind", Wrong::unknown("there is no fault", other, WORDS));
            return None;
        }
    })
}

fn both<A, B>(one: Option<A>, other: Option<B>) -> Option<(A, B)> {
    one.zip(other)
}

/// The one of that name.
fn one_of<'a, N>(
    value: &Value<'_>,
    what: &str,
    known: impl Iterator<Item = &'a N>,
) -> Result<N, Wrong>
where
    N: FromStr<Err: ToString> + Display + Ord + Clone + 'a,
{
    let name: N = parsed(value)?;
    let names: Vec<String> = known.map(ToString::to_string).collect();
    if names.contains(&name.to_string()) {
        return Ok(name);
    }
    let given = name.to_string();
    Err(Wrong::unknown(&format!("the site has no {what}"), &given, names.iter().map(String::as_str)))
}
