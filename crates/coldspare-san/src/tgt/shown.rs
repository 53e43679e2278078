//! What tgtd says of itself: the text of `tgtadm --op show --mode target`, read.
//!
//! It has no other form than lines that are indented by four blanks a level:
//!
//! ```text
//! Target 1: iqn.2026-11.com.example:image
//!     I_T nexus information:
//!         I_T nexus: 2
//!             Initiator: iqn.2026-11.com.example:persona alias: none
//!             Connection: 0
//!                 IP Address: 10.20.0.11
//!     LUN information:
//!         LUN: 1
//!             SCSI ID: image
//!             Backing store path: /srv/image.img
//!     Account information:
//!         guard
//!     ACL information:
//!         iqn.2026-11.com.example:persona
//! ```

use std::net::{IpAddr, Ipv4Addr};

/// One target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) connections: Vec<Connection>,
    /// Without unit 0, which is the target's own controller.
    pub(super) units: Vec<Unit>,
    /// In the order of their slots. Those with which the target proves itself are left out: they
    /// let nobody in.
    pub(super) accounts: Vec<String>,
    /// Initiator names and addresses alike: tgtd does not say which is which.
    pub(super) rules: Vec<String>,
}

/// One connection of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) session: u32,
    pub(super) number: u32,
    pub(super) initiator: String,
    /// Unspecified where none is shown.
    pub(super) source: IpAddr,
}

/// One logical unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) number: u16,
    pub(super) identity: String,
    /// Rounded down.
    pub(super) mebibytes: u64,
    pub(super) thin: bool,
    pub(super) path: String,
}

/// A line that is not understood, so that nothing of the answer is believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("tgtadm shows a line that is not understood: {0:?}")]
pub(super) struct NotUnderstood(String);

/// Every target of the answer.
pub(super) fn targets(text: &str) -> Result<Vec<Target>, NotUnderstood> {
    let mut targets: Vec<Target> = Vec::new();
    let mut section = "";
    for line in text.lines() {
        let told = line.trim_start();
        let level = (line.len() - told.len()) / 4;
        let refuse = || NotUnderstood(line.chars().take(200).collect());
        match (level, targets.last_mut()) {
            _ if told.is_empty() => {}
            (0, _) => targets.push(target(told).ok_or_else(refuse)?),
            (1, Some(_)) => section = told,
            (_, Some(target)) => target.take(section, level, told).ok_or_else(refuse)?,
            (_, None) => return Err(refuse()),
        }
    }
    for target in &mut targets {
        target.units.retain(|unit| unit.number != 0);
    }
    Ok(targets)
}

/// Every account, bound or not: the answer to `tgtadm --op show --mode account`.
pub(super) fn accounts(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(str::to_owned).collect()
}

fn target(told: &str) -> Option<Target> {
    let (number, name) = told.strip_prefix("Target ")?.split_once(": ")?;
    Some(Target {
        number: number.parse().ok()?,
        name: name.to_owned(),
        ..Target::default()
    })
}

impl Target {
    fn take(&mut self, section: &str, level: usize, told: &str) -> Option<()> {
        match (section, level) {
            ("I_T nexus information:", _) => self.take_session(level, told),
            ("LUN information:", 2) => {
                let number = told.strip_prefix("LUN: ")?.parse().ok()?;
                self.units.push(Unit {
                    number,
                    ..Unit::default()
                });
                Some(())
            }
            ("LUN information:", _) => self.units.last_mut()?.take(told),
            ("Account information:", _) => {
                if !told.ends_with(" (outgoing)") {
                    self.accounts.push(told.to_owned());
                }
                Some(())
            }
            ("ACL information:", _) => {
                self.rules.push(told.to_owned());
                Some(())
            }
            _ => Some(()),
        }
    }

    /// A session that is going may have lost its connection already: it counts as one all the same.
    fn take_session(&mut self, level: usize, told: &str) -> Option<()> {
        if level == 2 {
            self.connections.push(Connection {
                session: told.strip_prefix("I_T nexus: ")?.parse().ok()?,
                number: 0,
                initiator: String::new(),
                source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            });
            return Some(());
        }
        let last = self.connections.last_mut()?;
        if let Some(initiator) = told.strip_prefix("Initiator: ") {
            let named = initiator.rsplit_once(" alias: ");
            named
                .map_or(initiator, |(name, _)| name)
                .clone_into(&mut last.initiator);
        } else if let Some(number) = told.strip_prefix("Connection: ") {
            let number = number.parse().ok()?;
            if last.source.is_unspecified() {
                last.number = number;
            } else {
                let next = Connection {
                    number,
                    ..last.clone()
                };
                self.connections.push(next);
            }
        } else if let Some(address) = told.strip_prefix("IP Address: ") {
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            last.source = address.to_canonical();
        }
        Some(())
    }
}

impl Unit {
    fn take(&mut self, told: &str) -> Option<()> {
        if let Some(identity) = told.strip_prefix("SCSI ID: ") {
            identity.clone_into(&mut self.identity);
        } else if let Some(size) = told.strip_prefix("Size: ") {
            self.mebibytes = size.split_once(" MB")?.0.parse().ok()?;
        } else if let Some(thin) = told.strip_prefix("Thin-provisioning: ") {
            self.thin = thin == "Yes";
        } else if let Some(path) = told.strip_prefix("Backing store path: ") {
            path.clone_into(&mut self.path);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
