//! What a machine boots: the settings that its NIC's firmware remembers, power or not.

use std::net::SocketAddr;

use coldspare_names::{Generation, IscsiName};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What a machine is to boot when it is turned on.
#[derive(Debug, Clone)]
pub enum BootSource {
    /// Nothing: no target is remembered.
    Nothing,
    /// A LUN of an iSCSI target.
    Iscsi(IscsiBoot),
}

/// Boot from a LUN over iSCSI.
#[derive(Debug, Clone)]
pub struct IscsiBoot {
    /// The name under which the machine logs in.
    pub initiator: IscsiName,
    /// The fixed address and prefix of each SAN port, in the order of the ports.
    pub initiator_addresses: Vec<IpNet>,
    /// The target that it logs in to.
    pub target: IscsiName,
    /// Where the target is, in the order of trying. At least one; firmware takes two at most.
    pub portals: Vec<SocketAddr>,
    /// The LUN that holds the boot volume.
    pub lun: u16,
    /// How the machine proves who it is, where the target asks for it.
    pub chap: Option<Chap>,
    /// The holder that these settings are for. No firmware has a field for it, so it is not read
    /// back; the CHAP user tells generations apart on the device.
    pub generation: Generation,
}

/// A CHAP user and its secret (RFC 1994, RFC 7143 section 12.1).
#[derive(Debug, Clone)]
pub struct Chap {
    user: String,
    secret: SecretString,
}

/// Why a user and a secret make no CHAP account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChapError {
    /// The user has no name, one longer than 255 bytes, or one with control characters.
    #[error("a CHAP user's name has 1 to 255 bytes and no control characters")]
    User,
    /// The secret is not 12 to 16 printable ASCII characters.
    #[error("a CHAP secret has 12 to 16 printable ASCII characters")]
    Secret,
}

impl Chap {
    /// The account of that user.
    ///
    /// The secret has 12 to 16 printable ASCII characters: RFC 7143 (section 12.1.3) asks for 96
    /// bits, and the Microsoft initiator and NIC firmware menus take no more than 16 bytes.
    pub fn new(user: impl Into<String>, secret: SecretString) -> Result<Self, ChapError> {
        let user = user.into();
        if user.is_empty() || user.len() > 255 || user.chars().any(char::is_control) {
            return Err(ChapError::User);
        }
        let plain = secret.expose_secret();
        if !(12..=16).contains(&plain.len()) || !plain.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(ChapError::Secret);
        }
        Ok(Self { user, secret })
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The secret.
    pub const fn secret(&self) -> &SecretString {
        &self.secret
    }
}

/// What a NIC's firmware says it will boot: everything but the secret, which no device tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArmedBoot {
    /// Nothing.
    Nothing,
    /// A LUN of an iSCSI target.
    Iscsi(ArmedIscsi),
}

/// An [`IscsiBoot`] as it reads back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmedIscsi {
    /// The name under which the machine logs in.
    pub initiator: IscsiName,
    /// The address and prefix of each SAN port, in the order of the ports.
    pub initiator_addresses: Vec<IpNet>,
    /// The target that it logs in to.
    pub target: IscsiName,
    /// Where the target is, in the order of trying.
    pub portals: Vec<SocketAddr>,
    /// The LUN that holds the boot volume.
    pub lun: u16,
    /// The CHAP user, where one is set.
    pub chap_user: Option<String>,
}

impl BootSource {
    /// What a device that took this must read back.
    pub fn armed(&self) -> ArmedBoot {
        match self {
            Self::Nothing => ArmedBoot::Nothing,
            Self::Iscsi(boot) => ArmedBoot::Iscsi(ArmedIscsi {
                initiator: boot.initiator.clone(),
                initiator_addresses: boot.initiator_addresses.clone(),
                target: boot.target.clone(),
                portals: boot.portals.clone(),
                lun: boot.lun,
                chap_user: boot.chap.as_ref().map(|chap| chap.user.clone()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_chap_secret_has_12_to_16_printable_characters(secret in ".{0,20}") {
            let good = (12..=16).contains(&secret.len())
                && secret.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
            let chap = Chap::new("persona-7", SecretString::from(secret));
            prop_assert_eq!(chap.is_ok(), good);
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let chap = Chap::new("persona-7", SecretString::from("open-sesame-7")).unwrap();
        assert!(!format!("{chap:?}").contains("sesame"));
    }

    #[test]
    fn a_chap_user_needs_a_name() {
        for user in ["", "a\nb"] {
            let chap = Chap::new(user, SecretString::from("open-sesame-7"));
            assert_eq!(chap.unwrap_err(), ChapError::User);
        }
    }
}
