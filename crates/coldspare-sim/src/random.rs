//! Sites and faults at random: the same seed, the same site, the same faults.

use std::fmt::Write;
use std::time::Duration;

use coldspare::site::Site;
use coldspare_names::{ServerName, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::fault::Reads;
use crate::world::stream;
use crate::{Fault, FaultKind};

/// Whole numbers and chances out of a stream.
struct Dice(ChaCha8Rng);

impl Dice {
    fn of(seed: u64, purpose: &str) -> Self {
        Self(stream(seed, purpose))
    }

    /// A number below that one; zero if that is zero.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0.next_u64() % end).unwrap_or_default()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// A time below that one, to the millisecond.
    fn time_below(&mut self, end: Duration) -> Duration {
        let milliseconds = usize::try_from(end.as_millis()).unwrap_or(usize::MAX);
        Duration::from_millis(self.below(milliseconds) as u64)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// A site at random: mostly up to 10 servers, one in a thousand up to 200, in one pool or several (the
/// more servers, the more there may be), with groups, personas without agent, a domain controller, and
/// spares enough or not.
///
/// # Panics
///
/// Never: whatever is drawn makes a good site file, and every test run looks at many.
pub fn site(seed: u64) -> Site {
    let text = site_text(seed);
    match Site::parse(&text, "random") {
        Ok(site) => site,
        Err(errors) => panic!("seed {seed} makes a site that is none: {errors}"),
    }
}

/// The same as the text of a site file.
pub fn site_text(seed: u64) -> String {
    let mut dice = Dice::of(seed, "random site");
    let servers = if dice.below(1_000) == 0 {
        20 + dice.below(181)
    } else {
        1 + dice.below(10)
    };
    let pools = 1 + dice.below(servers.min(3).max(servers / 5));
    let mut text = HEAD.to_owned();
    let mut write = |line: std::fmt::Arguments<'_>| text.write_fmt(line).unwrap_or_default();
    for server in 0..servers {
        for volume in ["images.volumes.image-", "databases.volumes.database-"] {
            write(format_args!(
                "arrays.{volume}{server} = {{ gibibytes = 100 }}\n"
            ));
        }
        write(format_args!(
            "arrays.databases.volumes.copy-{server} = {{ gibibytes = 100 }}\n"
        ));
    }
    for pool in 0..pools {
        write(format_args!("[pools.pool-{pool}]\n"));
    }
    for server in 0..servers {
        write_server(&mut write, &mut dice, server, pools);
    }
    // Servers with an odd part of the draw stand by.
    let homes: Vec<usize> = (0..servers).filter(|_| dice.percent(65)).collect();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); pools];
    for server in &homes {
        let plain = dice.percent(40);
        if !plain {
            members[server % pools].push(*server);
        }
        let agent = !plain || dice.percent(60);
        write_persona(&mut write, *server, pools, agent);
    }
    for (pool, members) in members.iter().enumerate() {
        for (index, pair) in members.chunks_exact(2).enumerate() {
            write_group(&mut write, &format!("dag-{pool}-{index}"), pair);
        }
    }
    text
}

const HEAD: &str = r#"name = "random"
key = { env = "COLDSPARE_SITE_KEY" }
san-subnet = "10.20.0.0/16"
networks.scn = { kind = "system-control", vlan = 4004, subnet = "10.1.0.0/16", primary-channel = 1, secondary-channel = 2 }
networks.mapi = { kind = "application", vlan = 103, subnet = "10.3.0.0/16", primary-channel = 3, secondary-channel = 4 }
networks.replication = { kind = "application", vlan = 104, subnet = "10.4.0.0/16", primary-channel = 4, secondary-channel = 3 }
switches.lan-1 = { driver = "memory", uplinks = ["up"] }
switches.lan-2 = { driver = "memory", uplinks = ["up"] }
arrays.images.driver = "memory"
arrays.images.portals = ["10.20.255.1"]
arrays.databases.driver = "memory"
arrays.databases.portals = ["10.20.255.2"]
externals.dc = { role = "domain-controller", network = "mapi", address = "10.3.255.1", assumption = true }
externals.witness = { role = "witness", network = "mapi", address = "10.3.255.2", assumption = true }
"#;

type Writer<'a> = dyn FnMut(std::fmt::Arguments<'_>) + 'a;

fn write_server(write: &mut Writer<'_>, dice: &mut Dice, server: usize, pools: usize) {
    let (high, low) = (server / 200, server % 200);
    let memory = if dice.percent(85) { 64 } else { 16 };
    let feed = dice.below(4);
    let rack = server / 8;
    write(format_args!(
        "[servers.server-{server}]\npool = \"pool-{pool}\"\n\
         uuid = \"8a1f6d2e-3c54-4b19-9e07-{uuid:012x}\"\nprocessors = 16\n\
         memory = \"{memory} GiB\"\nboot-mode = \"bios\"\n\
         domains = {{ rack = \"{rack}\", feed = \"{feed}\" }}\nbmc = {{ driver = \"memory\" }}\n",
        pool = server % pools,
        uuid = server + 1,
    ));
    for channel in 1..=4_u32 {
        write(format_args!(
            "nics.{channel} = {{ mac = \"02:00:00:{high:02x}:{low:02x}:0{channel}\", \
             speed = \"1 Gb/s\", switch = \"lan-{lan}\", port = \"{server}/{port}\" }}\n",
            lan = (channel + 1) % 2 + 1,
            port = channel.div_ceil(2),
        ));
    }
    let ports = if dice.percent(85) { 2 } else { 1 };
    write(format_args!("san-ports = ["));
    for port in 1..=ports {
        write(format_args!(
            "{{ mac = \"02:00:01:{high:02x}:{low:02x}:0{port}\", \
             address = \"10.20.{server}.{port}\", iscsi-boot = true }}, "
        ));
    }
    write(format_args!("]\n"));
}

fn write_persona(write: &mut Writer<'_>, number: usize, pools: usize, agent: bool) {
    write(format_args!(
        "[personas.persona-{number}]\npool = \"pool-{pool}\"\nhome = \"server-{number}\"\n\
         initiator = \"iqn.2012-08.com.example:persona-{number}\"\n\
         image = {{ array = \"images\", volume = \"image-{number}\" }}\nboot-timer = \"20m\"\n\
         network-mode = \"trunk\"\n\
         operating-system = {{ family = \"windows\", version = \"Server 2008 R2\" }}\n\
         requirements = {{ memory = \"16 GiB\" }}\n",
        pool = number % pools,
    ));
    if agent {
        write(format_args!(
            "connections = {{ scn = \"pool\", mapi = \"10.3.{number}.1\", \
             replication = \"10.4.{number}.1\" }}\n"
        ));
    } else {
        write(format_args!(
            "agent = false\nhealth-monitor = \"10.3.{number}.1\"\n\
             connections = {{ mapi = \"10.3.{number}.1\" }}\n"
        ));
    }
}

fn write_group(write: &mut Writer<'_>, name: &str, pair: &[usize]) {
    let [one, other] = pair else { return };
    write(format_args!(
        "[dags.{name}]\ndriver = \"memory\"\nversion = \"2010\"\nwitness = \"witness\"\n"
    ));
    for member in pair {
        write(format_args!(
            "members.member-{member} = {{ persona = \"persona-{member}\", site = \"Site\" }}\n"
        ));
    }
    for (preferred, second) in [(one, other), (other, one)] {
        for (preference, member, volume) in [(1, preferred, "database"), (2, second, "copy")] {
            write(format_args!(
                "databases.database-{preferred}.copies.member-{member} = {{ \
                 preference = {preference}, \
                 volume = {{ array = \"databases\", volume = \"{volume}-{preferred}\" }} }}\n"
            ));
        }
    }
}

/// By then whatever [`faults`] breaks is over for long enough to be made good, if it can be.
pub const LONGEST: Duration = Duration::from_hours(3);
/// Everything breaks within that time, so that one thing meets the other.
const SPAN: Duration = Duration::from_mins(40);
/// A server is missed, taken away from and given to another within that time.
const SOON: Duration = Duration::from_secs(20);
/// The longest that anything lasts that ends.
const WHILE: Duration = Duration::from_mins(30);

/// What breaks in a site, at random: one to four things, some of them for a while, some of them soon
/// after another, so that they meet its recovery.
pub fn faults(seed: u64, site: &Site) -> Vec<Fault> {
    let mut dice = Dice::of(seed, "random faults");
    let mut faults: Vec<Fault> = Vec::new();
    for _ in 0..=dice.below(4) {
        let Some(kind) = fault(&mut dice, site) else {
            break;
        };
        let earlier = dice.one_of(&faults).map(|fault| fault.at);
        let at = match earlier {
            Some(earlier) if dice.percent(33) => earlier + dice.time_below(SOON),
            _ => Time::after_epoch(Duration::from_mins(1) + dice.time_below(SPAN)),
        };
        let lasting = kind.can_end() && dice.percent(50);
        let lasts = lasting.then(|| Duration::from_millis(1) + dice.time_below(WHILE));
        faults.push(Fault { at, kind, lasts });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn fault(dice: &mut Dice, site: &Site) -> Option<FaultKind> {
    let servers: Vec<&ServerName> = site.servers.keys().collect();
    let homes: Vec<_> = site
        .personas
        .values()
        .filter_map(|of| of.home.as_ref())
        .collect();
    // Most of what matters happens to servers that wear something.
    let chosen = if dice.percent(75) {
        dice.one_of(&homes)
    } else {
        None
    };
    let server = (*chosen.or(dice.one_of(&servers))?).clone();
    let of = &site.servers.get(&server)?.server;
    let channels: Vec<_> = of.nics.keys().copied().collect();
    let switches: Vec<_> = site.switches.keys().filter(|it| site.manages(it)).collect();
    let arrays: Vec<_> = site.arrays.keys().collect();
    let channel = dice.one_of(&channels).copied();
    let copies: Vec<_> = site
        .dags
        .values()
        .flat_map(|of| of.volumes.keys())
        .collect();
    Some(match dice.below(24) {
        0..=4 => FaultKind::PowerLoss { server },
        5 | 6 => {
            let feed = of
                .domains
                .iter()
                .find(|domain| domain.kind.as_str() == "feed")?;
            FaultKind::FeedLoss {
                feed: feed.name.clone(),
            }
        }
        7 => FaultKind::BmcLoss { server },
        8 => FaultKind::BmcLies {
            server,
            reads: Reads::On,
        },
        9 => FaultKind::BmcLies {
            server,
            reads: Reads::Off,
        },
        10 => FaultKind::NicLoss {
            server,
            channel: channel?,
        },
        11 => FaultKind::CableLoss {
            server,
            channel: channel?,
        },
        12 => FaultKind::SwitchLoss {
            switch: (*dice.one_of(&switches)?).clone(),
        },
        13 => FaultKind::ControllerLinkLoss,
        14 => FaultKind::SanPortLoss {
            server,
            port: 1 + dice.below(of.san_ports.as_slice().len()),
        },
        15 => FaultKind::SanLoss { server },
        16 => FaultKind::ArrayLoss {
            array: (*dice.one_of(&arrays)?).clone(),
        },
        17 => FaultKind::AgentHang { server },
        18 | 19 => FaultKind::ServerFreeze { server },
        20 => FaultKind::BootFailure { server },
        21 => FaultKind::StoreLoss,
        22 => FaultKind::StoreSilence,
        _ => match dice.one_of(&copies) {
            Some(copy) if dice.percent(50) => FaultKind::VolumeDamage {
                database: copy.database.clone(),
                member: copy.member.clone(),
            },
            _ => FaultKind::ControllerCrash,
        },
    })
}

#[cfg(test)]
mod tests;
