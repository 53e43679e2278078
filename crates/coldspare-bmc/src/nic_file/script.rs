//! The iPXE script that boots a LUN, written and read back. Pure.

use std::net::{IpAddr, SocketAddr};

use coldspare_names::Generation;
use ipnet::{IpNet, Ipv4Net};
use secrecy::{ExposeSecret, SecretString};

use crate::{BootSource, Chap, IscsiBoot};

/// A machine that remembers nothing waits at iPXE's prompt.
const NOTHING: &str = "#!ipxe\nshell\n";

/// The script of that source, or why iPXE cannot be told it.
pub(super) fn write(source: &BootSource) -> Result<SecretString, &'static str> {
    let boot = match source {
        BootSource::Nothing => return Ok(SecretString::from(NOTHING)),
        BootSource::Iscsi(boot) => boot,
    };
    if boot.portals.is_empty() {
        return Err("there is no portal");
    }
    let mut lines = vec!["#!ipxe".to_owned()];
    for (index, address) in boot.initiator_addresses.iter().enumerate() {
        let IpNet::V4(address) = address else {
            return Err("an address of a SAN port is IPv6");
        };
        lines.push(format!("ifopen net{index}"));
        lines.push(format!("set net{index}/ip {}", address.addr()));
        lines.push(format!("set net{index}/netmask {}", address.netmask()));
    }
    lines.push(format!(
        "set initiator-iqn {}",
        word(boot.initiator.as_str())?
    ));
    if let Some(chap) = &boot.chap {
        lines.push(format!("set username {}", word(chap.user())?));
        let secret = word(chap.secret().expose_secret())?;
        lines.push(format!("set password {secret}"));
    }
    // RFC 4173 writes a LUN in hexadecimal digits.
    let target = format!("{:x}:{}", boot.lun, word(boot.target.as_str())?);
    let mut tries = Vec::new();
    for portal in &boot.portals {
        let SocketAddr::V4(portal) = portal else {
            return Err("a portal is IPv6");
        };
        let (ip, port) = (portal.ip(), portal.port());
        tries.push(format!("sanboot --keep iscsi:{ip}::{port}:{target}"));
    }
    lines.push(format!("{} || shell\n", tries.join(" || ")));
    Ok(SecretString::from(lines.join("\n")))
}

/// What iPXE takes for one word and leaves as it is.
fn word(text: &str) -> Result<&str, &'static str> {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-._:/+=@,%".contains(&b);
    if text.is_empty() || !text.bytes().all(harmless) {
        return Err("a name, user or secret holds a character that an iPXE script cannot carry");
    }
    Ok(text)
}

/// What the script boots, if it is one that [`write`] wrote, to the byte.
pub(super) fn parse(script: &str) -> Option<BootSource> {
    if script == NOTHING {
        return Some(BootSource::Nothing);
    }
    let value = |key: &str| script.lines().find_map(|line| line.strip_prefix(key));
    let user = value("set username ");
    let secret = value("set password ").map(SecretString::from);
    let tries: Vec<_> = value("sanboot ")?.split(" || ").collect();
    let mut found = tries.iter().filter_map(|text| Try::parse(text));
    let first = found.next()?;

    let boot = IscsiBoot {
        initiator: value("set initiator-iqn ")?.parse().ok()?,
        initiator_addresses: (0..)
            .map_while(|index| {
                let ip = value(&format!("set net{index}/ip "))?.parse().ok()?;
                let mask = value(&format!("set net{index}/netmask "))?.parse().ok()?;
                Some(IpNet::V4(Ipv4Net::with_netmask(ip, mask).ok()?))
            })
            .collect(),
        target: first.target.parse().ok()?,
        lun: u16::from_str_radix(first.lun, 16).ok()?,
        portals: std::iter::once(first.portal)
            .chain(found.map(|other| other.portal))
            .collect(),
        chap: user
            .zip(secret)
            .map(|(user, secret)| Chap::new(user, secret))
            .transpose()
            .ok()?,
        generation: Generation::NONE,
    };
    let source = BootSource::Iscsi(boot);
    let same = write(&source).is_ok_and(|again| again.expose_secret() == script);
    same.then_some(source)
}

struct Try<'a> {
    portal: SocketAddr,
    lun: &'a str,
    target: &'a str,
}

impl<'a> Try<'a> {
    /// Reads `[sanboot] --keep iscsi:10.0.0.1::3260:1:iqn.…`.
    fn parse(text: &'a str) -> Option<Self> {
        let (_, path) = text.split_once("--keep iscsi:")?;
        let mut parts = path.splitn(5, ':');
        let ip: IpAddr = parts.next()?.parse().ok()?;
        let _protocol = parts.next()?;
        let port = parts.next()?.parse().ok()?;
        Some(Self {
            portal: SocketAddr::new(ip, port),
            lun: parts.next()?,
            target: parts.next()?,
        })
    }
}
