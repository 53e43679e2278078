//! `driver = "ipmi"`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coldspare_bmc::{CipherSuite, GuidOrder, IpmiUser};
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use crate::site::reader::Table;
use crate::site::secret::{SecretRef, secret};
use crate::site::value::{absolute, duration, plain, string, text};

/// How the controller is reached, and where the memory of its machine's NIC is if that is a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IpmiDriver {
    /// Where it listens, almost always on port 623.
    pub address: SocketAddr,
    /// As whom we speak to it.
    pub user: String,
    /// Where that user's password is.
    pub password: SecretRef,
    /// What protects the session: suite 17, `sha256`, unless set.
    pub cipher_suite: CipherSuite,
    /// In which order it tells the bytes of its machine's UUID: as the SMBIOS table does, unless
    /// set. By the wrong one it is taken for another machine's, and nothing is sent to it.
    pub guid_order: GuidOrder,
    /// How long one call may take. 5 seconds unless set.
    #[serde(with = "compact::required")]
    pub limit: Duration,
    /// The file that stands for the memory of the machine's NIC, where the machine is a process of
    /// a laboratory. IPMI itself sets no iSCSI boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic_file: Option<PathBuf>,
}

pub(super) fn read(table: &mut Table<'_>) -> Option<IpmiDriver> {
    let address = table.required("address", text);
    let user = table.required("user", |value| {
        let name = string(value)?;
        match IpmiUser::check_name(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(error) => Err(error.to_string().into()),
        }
    });
    let password = secret(table, "password");
    let cipher_suite = table.optional("cipher-suite", plain);
    let guid_order = table.optional("guid-order", plain);
    let limit = table.optional("limit", duration);
    let nic_file = table.optional("nic-file", absolute);
    Some(IpmiDriver {
        address: address?,
        user: user?,
        password: password?,
        cipher_suite: cipher_suite.unwrap_or(CipherSuite::Sha256),
        guid_order: guid_order.unwrap_or(GuidOrder::Smbios),
        limit: limit.unwrap_or(Duration::from_secs(5)),
        nic_file,
    })
}
