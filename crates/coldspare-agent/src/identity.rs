//! Who an agent is: what the firmware told the operating system about the boot (iBFT).

use std::fs;
use std::path::{Path, PathBuf};

use coldspare_heartbeat::AgentKey;
use coldspare_names::Generation;
use coldspare_san::generation_of;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::Error;

/// Under which generation a persona booted, and the key that goes with it.
///
/// Both came with the boot settings of the server's NIC: the image holds neither, so a copy of it
/// proves nothing, and a server that boots with what its NIC remembers has the old ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The generation under which this server was given the persona.
    pub generation: Generation,
    /// What proves it.
    pub key: AgentKey,
}

/// Where Linux shows the iSCSI boot firmware table (module `iscsi_ibft`).
pub const BOOT_TABLE: &str = "/sys/firmware/ibft";

impl Identity {
    /// Reads it from the firmware's table, which is usually at [`BOOT_TABLE`].
    pub fn read(table: &Path) -> Result<Self, Error> {
        let field = |name: &str| {
            let path: PathBuf = table.join("target0").join(name);
            match fs::read_to_string(&path) {
                Ok(text) => Ok(Zeroizing::new(text)),
                Err(source) => Err(Error::BootTable { path, source }),
            }
        };
        let user = field("chap-name")?;
        let secret = SecretString::from(field("chap-secret")?.trim_end());
        Self::of(user.trim_end(), &secret)
    }

    /// That of a server which booted with this account.
    pub fn of(user: &str, secret: &SecretString) -> Result<Self, Error> {
        let generation = generation_of(user).ok_or_else(|| Error::Account {
            user: user.to_owned(),
        })?;
        Ok(Self {
            generation,
            key: AgentKey::from_secret(secret),
        })
    }
}

#[cfg(test)]
mod tests {
    use coldspare_san::{SecretKey, chap};
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_boot_table_tells_the_generation_and_the_key_that_the_controller_derives() {
        let folder = tempfile::tempdir().unwrap();
        let (initiator, server) = ("iqn.2026-11.lab:p1".parse(), "srv-a".parse());
        let account = chap(
            &SecretKey::new([3; 32]),
            &initiator.unwrap(),
            &server.unwrap(),
            Generation::new(5),
        );
        let target = folder.path().join("target0");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("chap-name"), format!("{}\n", account.user)).unwrap();
        let missing = Identity::read(folder.path()).unwrap_err();
        assert!(matches!(missing, Error::BootTable { .. }), "{missing}");
        let secret = format!("{}\n", account.secret.expose_secret());
        fs::write(target.join("chap-secret"), secret).unwrap();
        let identity = Identity::read(folder.path()).unwrap();
        assert_eq!(identity.generation, Generation::new(5));
        assert_eq!(identity.key, AgentKey::from_secret(&account.secret));
    }

    #[test]
    fn an_account_that_is_none_of_ours_is_refused_by_name() {
        let error = Identity::of("admin", &SecretString::from("secret")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the CHAP user \"admin\" names no generation"
        );
    }
}
