//! From the tables of a scenario file to a scenario.

use std::fmt::Display;
use std::str::FromStr;

use coldspare::site::{KeyPath, Site, SiteError};
use coldspare_exchange::{DatabaseName, MemberName};
use coldspare_names::{ArrayName, Channel, ServerName, SwitchName, Time};
use coldspare_persona::Label;
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
        value
            .get_ref()
            .as_array()
            .ok_or_else(|| "write it as [[fault]]".into())
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
        Some(duration) if errors.is_empty() => Ok(Scenario {
            duration,
            latency,
            faults,
        }),
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
    entries.set(
        "controller-restart",
        &mut latency.controller_restart,
        duration,
    );
    entries.set("node-detection", &mut latency.node_detection, duration);
    entries.set("mount", &mut latency.mount, duration);
    entries.set("replay-rate", &mut latency.replay_rate, number);
    entries.set("logs", &mut latency.logs, number);
    entries.set("variation", &mut latency.variation, |value| {
        match number(value)? {
            percent @ 0..100 => Ok(percent),
            _ => Err("it is a number of percent below 100".into()),
        }
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
    let word = entries.required("kind", |value| {
        let word = text(value)?;
        if WORDS.contains(&word) {
            return Ok(word);
        }
        Err(Wrong::unknown("there is no fault", word, WORDS))
    });
    if end.is_some_and(|end| at > Some(end)) {
        entries.report("at", "it is after the end of the run");
    }
    // Which keys belong here depends on the kind: without one, none is called unknown.
    let mut subjects = Subjects { entries, site };
    let kind = subjects.read(word?);
    let entries = subjects.entries;
    if lasts.is_some() && kind.as_ref().is_some_and(|kind| !kind.can_end()) {
        entries.report("for", "this is not over by itself");
    }
    entries.finish();
    Some(Fault {
        at: at?,
        kind: kind?,
        lasts,
    })
}

const WORDS: [&str; 21] = [
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
    "store-loss",
    "store-silence",
    "repair",
];

/// Reads what a fault is about; all of it is in the site.
struct Subjects<'a, 't> {
    entries: Entries<'a, 't>,
    site: &'a Site,
}

impl Subjects<'_, '_> {
    fn read(&mut self, word: &str) -> Option<FaultKind> {
        Some(match word {
            "power-loss" => FaultKind::PowerLoss {
                server: self.server()?,
            },
            "power-return" => FaultKind::PowerReturn {
                server: self.server()?,
            },
            "feed-loss" => FaultKind::FeedLoss { feed: self.feed()? },
            "bmc-loss" => FaultKind::BmcLoss {
                server: self.server()?,
            },
            "bmc-lies" => {
                let (server, reads) = self.server().zip(self.reads())?;
                FaultKind::BmcLies { server, reads }
            }
            "nic-loss" => {
                let (server, channel) = self.nic()?;
                FaultKind::NicLoss { server, channel }
            }
            "cable-loss" => {
                let (server, channel) = self.nic()?;
                FaultKind::CableLoss { server, channel }
            }
            "switch-loss" => FaultKind::SwitchLoss {
                switch: self.switch()?,
            },
            "controller-link-loss" => FaultKind::ControllerLinkLoss,
            "san-port-loss" => {
                let (server, port) = self.san_port()?;
                FaultKind::SanPortLoss { server, port }
            }
            "san-loss" => FaultKind::SanLoss {
                server: self.server()?,
            },
            "array-loss" => FaultKind::ArrayLoss {
                array: self.array()?,
            },
            "agent-hang" => FaultKind::AgentHang {
                server: self.server()?,
            },
            "server-freeze" => FaultKind::ServerFreeze {
                server: self.server()?,
            },
            "boot-failure" => FaultKind::BootFailure {
                server: self.server()?,
            },
            "volume-damage" => {
                let (database, member) = self.database().zip(self.member())?;
                FaultKind::VolumeDamage { database, member }
            }
            "member-services-stop" => FaultKind::MemberServicesStop {
                member: self.member()?,
            },
            "controller-crash" => FaultKind::ControllerCrash,
            "store-loss" => FaultKind::StoreLoss,
            "store-silence" => FaultKind::StoreSilence,
            "repair" => FaultKind::Repair {
                server: self.server()?,
            },
            _ => return None,
        })
    }

    fn server(&mut self) -> Option<ServerName> {
        let servers = self.site.servers.keys();
        self.entries
            .required("server", |value| one_of(value, "server", servers))
    }

    fn feed(&mut self) -> Option<Label> {
        let domains = self.site.servers.values().flat_map(|of| &of.server.domains);
        let feeds = domains.filter(|domain| domain.kind.as_str() == "feed");
        let feeds = feeds.map(|domain| &domain.name);
        self.entries
            .required("feed", |value| one_of(value, "feed", feeds))
    }

    fn reads(&mut self) -> Option<Reads> {
        self.entries.required("reads", |value| match text(value)? {
            "on" => Ok(Reads::On),
            "off" => Ok(Reads::Off),
            other => Err(Wrong::unknown(
                "it reads \"on\" or \"off\", not",
                other,
                ["on", "off"],
            )),
        })
    }

    fn nic(&mut self) -> Option<(ServerName, Channel)> {
        let channel = |subjects: &mut Self| subjects.entries.required("channel", number);
        let (server, channel): (_, Channel) = self.server().zip(channel(self))?;
        if self.site.servers[&server]
            .server
            .nics
            .contains_key(&channel)
        {
            return Some((server, channel));
        }
        self.entries.report(
            "channel",
            format!("{server} has no NIC on channel {channel}"),
        );
        None
    }

    fn switch(&mut self) -> Option<SwitchName> {
        let site = self.site;
        let managed = site.switches.keys().filter(|switch| site.manages(switch));
        self.entries
            .required("switch", |value| one_of(value, "managed switch", managed))
    }

    fn san_port(&mut self) -> Option<(ServerName, usize)> {
        let port = |subjects: &mut Self| subjects.entries.required("port", number);
        let (server, port): (_, usize) = self.server().zip(port(self))?;
        let ports = self.site.servers[&server].server.san_ports.as_slice().len();
        if (1..=ports).contains(&port) {
            return Some((server, port));
        }
        self.entries
            .report("port", format!("{server} has SAN ports 1 to {ports}"));
        None
    }

    fn array(&mut self) -> Option<ArrayName> {
        let arrays = self.site.arrays.keys();
        self.entries
            .required("array", |value| one_of(value, "array", arrays))
    }

    fn database(&mut self) -> Option<DatabaseName> {
        let databases = self
            .site
            .dags
            .values()
            .flat_map(|of| of.dag.databases.keys());
        self.entries
            .required("database", |value| one_of(value, "database", databases))
    }

    fn member(&mut self) -> Option<MemberName> {
        let members = self.site.dags.values().flat_map(|of| of.dag.members.keys());
        self.entries
            .required("member", |value| one_of(value, "member", members))
    }
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
    Err(Wrong::unknown(
        &format!("the site has no {what}"),
        &given,
        names.iter().map(String::as_str),
    ))
}
