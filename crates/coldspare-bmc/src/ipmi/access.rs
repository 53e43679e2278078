//! How a controller is reached, and how its words are to be read.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How a management controller is reached over IPMI.
#[derive(Debug, Clone)]
pub struct IpmiAccess {
    /// Where it listens; its port is 623 almost always.
    pub address: SocketAddr,
    /// As whom we speak to it.
    pub user: IpmiUser,
    /// What protects the session.
    pub cipher_suite: CipherSuite,
    /// In which order it tells the bytes of its GUID.
    pub guid_order: GuidOrder,
    /// The longest that a call may take. A lost datagram is sent again after one second and after
    /// two more; five seconds leave room for that.
    pub limit: Duration,
}

/// A user of a controller, who may act as its administrator.
#[derive(Debug, Clone)]
pub struct IpmiUser {
    name: String,
    password: SecretString,
}

/// Why a name and a password make no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpmiUserError {
    /// The name is not 1 to 16 printable ASCII characters.
    #[error("an IPMI user's name has 1 to 16 printable ASCII characters")]
    Name,
    /// The password is not 1 to 20 bytes without a zero and a line's end.
    #[error("an IPMI password has 1 to 20 bytes, none of them a zero or a line's end")]
    Password,
}

impl IpmiUser {
    /// The user of that name. (IPMI 2.0 sections 22.28 and 22.30: names of 16 bytes at most,
    /// passwords of 20.)
    pub fn new(name: impl Into<String>, password: SecretString) -> Result<Self, IpmiUserError> {
        let name = name.into();
        Self::check_name(&name)?;
        let plain = password.expose_secret();
        if !(1..=20).contains(&plain.len()) || plain.contains(['\0', '\n', '\r']) {
            return Err(IpmiUserError::Password);
        }
        Ok(Self { name, password })
    }

    /// Refuses a name that IPMI cannot carry, before a password is at hand.
    pub fn check_name(name: &str) -> Result<(), IpmiUserError> {
        let fits = (1..=16).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        fits.then_some(()).ok_or(IpmiUserError::Name)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password.
    pub const fn password(&self) -> &SecretString {
        &self.password
    }
}

/// What protects a session. (IPMI 2.0 table 22-20; the suites without authentication or without
/// encryption are left out on purpose.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CipherSuite {
    /// Suite 3: HMAC-SHA1 and AES-CBC-128. Every IPMI 2.0 controller has it.
    Sha1,
    /// Suite 17: HMAC-SHA256 and AES-CBC-128.
    Sha256,
}

impl CipherSuite {
    pub(super) const fn number(self) -> &'static str {
        match self {
            Self::Sha1 => "3",
            Self::Sha256 => "17",
        }
    }
}

/// In which order a controller tells the bytes of its GUID, so that it becomes the UUID that the
/// machine's firmware shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuidOrder {
    /// Most significant byte first, as in RFC 9562.
    Rfc,
    /// The first three fields least significant byte first, as in the SMBIOS table (DSP0134
    /// section 7.2.1).
    Smbios,
    /// Least significant byte first throughout, as IPMI 2.0 table 20-10 demands.
    Ipmi,
}

impl GuidOrder {
    pub(super) fn uuid(self, told: &[u8]) -> Option<Uuid> {
        let mut bytes: [u8; 16] = told.try_into().ok()?;
        Some(match self {
            Self::Rfc => Uuid::from_bytes(bytes),
            Self::Smbios => Uuid::from_bytes_le(bytes),
            Self::Ipmi => {
                bytes.reverse();
                Uuid::from_bytes(bytes)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_of_bytes_gives_the_uuid_that_ipmitool_gives() {
        let told: [u8; 16] = std::array::from_fn(|i| u8::try_from(i * 0x11).unwrap());
        let cases = [
            (GuidOrder::Rfc, "00112233-4455-6677-8899-aabbccddeeff"),
            (GuidOrder::Smbios, "33221100-5544-7766-8899-aabbccddeeff"),
            (GuidOrder::Ipmi, "ffeeddcc-bbaa-9988-7766-554433221100"),
        ];
        for (order, uuid) in cases {
            assert_eq!(order.uuid(&told).unwrap().to_string(), uuid);
            assert_eq!(order.uuid(&told[1..]), None);
            assert_eq!(order.uuid(&[0; 17]), None);
        }
    }

    #[test]
    fn a_user_that_ipmi_cannot_carry_is_refused() {
        let user = |name: &str, password: &str| IpmiUser::new(name, SecretString::from(password));
        assert!(user("admin", "a password").is_ok());
        for name in ["", "a b", "aaaaaaaaaaaaaaaaa", "é"] {
            assert_eq!(user(name, "secret").unwrap_err(), IpmiUserError::Name);
        }
        for password in ["", "a\0b", "a\nb", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(
                user("admin", password).unwrap_err(),
                IpmiUserError::Password
            );
        }
        assert!(!format!("{:?}", user("admin", "open-sesame")).contains("sesame"));
    }
}
