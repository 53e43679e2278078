//! From where a server boots: portal, target and unit, in the form of RFC 4173.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use coldspare_names::IscsiName;
use serde::{Deserialize, Serialize};

use crate::{Lun, ParseError};

/// Where targets of an array are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Portal(SocketAddr);

impl Portal {
    /// The TCP port of iSCSI (RFC 7143, section 4.2.7): taken where none is said.
    pub const PORT: u16 = 3260;

    /// The portal at that address and port.
    ///
    /// The address is what counts: flow label and scope of an IPv6 socket are dropped.
    pub const fn new(address: SocketAddr) -> Self {
        Self(SocketAddr::new(address.ip(), address.port()))
    }

    /// Its address and port.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl From<Portal> for SocketAddr {
    fn from(portal: Portal) -> Self {
        portal.0
    }
}

impl From<IpAddr> for Portal {
    /// The portal at that address, on [`Portal::PORT`].
    fn from(address: IpAddr) -> Self {
        Self(SocketAddr::new(address, Self::PORT))
    }
}

impl fmt::Display for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Portal {
    type Err = ParseError;

    /// `10.20.0.1`, `10.20.0.1:3261`, `fd00::1`, `[fd00::1]:3261`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let address = text.parse().map(Self::new);
        address
            .or_else(|_| text.parse::<IpAddr>().map(Self::from))
            .map_err(|_| {
                ParseError::new("portal", text, "it is neither an address nor address:port")
            })
    }
}

impl TryFrom<String> for Portal {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Portal> for String {
    fn from(portal: Portal) -> Self {
        portal.to_string()
    }
}

/// What a NIC must know of the array to boot from a volume (beside who it is itself).
///
/// Written as the root path of RFC 4173, section 5:
/// `iscsi:<server>:<protocol>:<port>:<LUN>:<target>`. The server is an address, never a DNS name:
/// a NIC that boots has nobody to ask. Protocol is TCP (6), the only one there is; it and the
/// usual port are left empty when printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BootTarget {
    /// Where the target is reached.
    pub portal: Portal,
    /// The target.
    pub target: IscsiName,
    /// The unit behind it.
    pub lun: Lun,
}

impl fmt::Display for BootTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.portal.address();
        match address.ip() {
            IpAddr::V4(server) => write!(f, "iscsi:{server}::")?,
            IpAddr::V6(server) => write!(f, "iscsi:[{server}]::")?,
        }
        if address.port() != Portal::PORT {
            write!(f, "{}", address.port())?;
        }
        write!(f, ":{}:{}", self.lun, self.target)
    }
}

impl FromStr for BootTarget {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).map_err(|reason| ParseError::new("iSCSI root path", text, reason))
    }
}

fn parse(text: &str) -> Result<BootTarget, &'static str> {
    let rest = text
        .strip_prefix("iscsi:")
        .ok_or("it does not begin with iscsi:")?;
    let (server, rest) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (server, rest) = bracketed
            .split_once("]:")
            .ok_or("a bracket is not closed")?;
        let server = server.parse::<Ipv6Addr>().map(IpAddr::V6);
        (
            server.map_err(|_| "in brackets stands no IPv6 address")?,
            rest,
        )
    } else {
        let (server, rest) = rest.split_once(':').ok_or(TOO_SHORT)?;
        let server = server.parse().map(IpAddr::V4);
        (
            server.map_err(|_| "its server is no address (IPv6 goes in brackets)")?,
            rest,
        )
    };
    let (protocol, rest) = rest.split_once(':').ok_or(TOO_SHORT)?;
    if !matches!(protocol, "" | "6") {
        return Err("its protocol is not 6 (TCP)");
    }
    let (port, rest) = rest.split_once(':').ok_or(TOO_SHORT)?;
    let port = match port {
        "" => Portal::PORT,
        digits => number(digits).ok_or("its port is not a decimal number from 1 to 65535")?,
    };
    // The target's name has colons of its own, so it is all that is left.
    let (lun, target) = rest.split_once(':').ok_or(TOO_SHORT)?;
    Ok(BootTarget {
        portal: Portal::new(SocketAddr::new(server, port)),
        lun: lun
            .parse()
            .map_err(|_| "its LUN is not 1 to 4 groups of 1 to 4 hexadecimal digits")?,
        target: target.parse().map_err(|_| "its target is no iSCSI name")?,
    })
}

const TOO_SHORT: &str = "it has fewer than five fields";

fn number(digits: &str) -> Option<u16> {
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| decimal && *port != 0)
}

impl TryFrom<String> for BootTarget {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<BootTarget> for String {
    fn from(target: BootTarget) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TARGET: &str = "iqn.2001-05.com.equallogic:0-8a0906-image-1";

    #[test]
    fn a_root_path_is_read_as_rfc_4173_says() {
        for (path, address, lun) in [
            ("iscsi:10.20.0.1::::", "10.20.0.1:3260", 0),
            ("iscsi:10.20.0.1:6:3261:a:", "10.20.0.1:3261", 10),
            ("iscsi:[fd00::1]:::1:", "[fd00::1]:3260", 1),
        ] {
            let target: BootTarget = format!("{path}{TARGET}").parse().unwrap();
            assert_eq!(target.portal.to_string(), address);
            assert_eq!(
                (target.lun, target.target.as_str()),
                (Lun::new(lun), TARGET)
            );
        }
    }

    #[test]
    fn what_a_nic_could_not_boot_from_is_refused_with_a_reason() {
        for (path, reason) in [
            ("nfs:10.20.0.1::::", "it does not begin with iscsi:"),
            (
                "iscsi:array.example::::",
                "its server is no address (IPv6 goes in brackets)",
            ),
            (
                "iscsi:fd00::1::::",
                "its server is no address (IPv6 goes in brackets)",
            ),
            ("iscsi:[fd00::1::::", "a bracket is not closed"),
            (
                "iscsi:[10.20.0.1]::::",
                "in brackets stands no IPv6 address",
            ),
            ("iscsi:10.20.0.1:17:::", "its protocol is not 6 (TCP)"),
            (
                "iscsi:10.20.0.1::0::",
                "its port is not a decimal number from 1 to 65535",
            ),
            (
                "iscsi:10.20.0.1::+1::",
                "its port is not a decimal number from 1 to 65535",
            ),
            (
                "iscsi:10.20.0.1:::x:",
                "its LUN is not 1 to 4 groups of 1 to 4 hexadecimal digits",
            ),
        ] {
            let error = format!("{path}{TARGET}").parse::<BootTarget>().unwrap_err();
            assert_eq!(error.reason, reason, "{path}");
        }
        assert!("iscsi:10.20.0.1::::image".parse::<BootTarget>().is_err());
        assert_eq!(
            "iscsi:10.20.0.1".parse::<BootTarget>().unwrap_err().reason,
            TOO_SHORT
        );
    }

    proptest! {
        #[test]
        fn a_boot_target_survives_being_written_down(
            ip: IpAddr, port in 1..=u16::MAX, groups: [u16; 4], suffix in "[a-z0-9:.-]{0,20}",
        ) {
            let target = BootTarget {
                portal: Portal::new(SocketAddr::new(ip, port)),
                target: IscsiName::new(format!("iqn.2001-05.com.example:{suffix}")).unwrap(),
                lun: Lun::from_groups(groups),
            };
            prop_assert_eq!(target.to_string().parse(), Ok(target.clone()));
            let json = serde_json::to_string(&target).unwrap();
            prop_assert_eq!(serde_json::from_str::<BootTarget>(&json).unwrap(), target);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(iscsi:)?\\PC{0,60}") {
            let _ = text.parse::<BootTarget>();
            let _ = text.parse::<Portal>();
            let _ = text.parse::<Lun>();
        }
    }
}
