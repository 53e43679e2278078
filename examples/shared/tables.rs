//! Tables of one moment: who is on which network, and who may write which volume.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use coldspare_names::{Channel, PersonaName, PortId, ServerName, VolumeId};
use coldspare_network::{Networks, Observed};
use coldspare_san::Admissions;

/// One moment: titles, each with its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables(pub Vec<(&'static str, Vec<String>)>);

impl Tables {
    /// The tables under a heading.
    pub fn print(&self, heading: &str) -> String {
        let mut text = format!("{heading}\n");
        for (title, rows) in &self.0 {
            for (index, row) in rows.iter().enumerate() {
                let title = if index == 0 { title } else { "" };
                let _ = writeln!(text, "  {title:<10} {row}");
            }
        }
        text
    }
}

/// A switch port at which a server's cable ends, and what it passes.
#[derive(Debug, Clone)]
pub struct PortRow {
    /// The server.
    pub server: ServerName,
    /// The channel of its NIC.
    pub channel: Channel,
    /// The port.
    pub port: PortId,
    /// What it passes.
    pub observed: Observed,
}

/// What each server's ports pass, sorted by server.
pub fn ports(
    networks: &Networks,
    ports: &[PortRow],
    wears: &BTreeMap<ServerName, PersonaName>,
) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut last = None;
    for port in ports {
        let passed = networks
            .iter()
            .filter(|network| port.observed.may_pass(network.vlan));
        let passed: Vec<_> = passed
            .map(|it| format!("{} {}", it.name, it.vlan))
            .collect();
        let passed = if passed.is_empty() {
            "parked".to_owned()
        } else {
            passed.join(", ")
        };
        if last != Some(&port.server) {
            let worn = wears.get(&port.server);
            let worn = worn.map(|persona| format!(" ({persona})"));
            rows.push(format!("{}{}", port.server, worn.unwrap_or_default()));
        }
        rows.push(format!(
            "  channel {}: {} of {}: {passed}",
            port.channel, port.port.port, port.port.switch
        ));
        last = Some(&port.server);
    }
    rows
}

/// Who is admitted to each volume.
pub fn volumes(admissions: &BTreeMap<VolumeId, Admissions>) -> Vec<String> {
    let rows = admissions.iter().map(|(volume, admissions)| {
        let admitted = admissions.admitted.iter().map(|admission| {
            format!(
                "{} as {} (generation {})",
                admission.server, admission.initiator, admission.generation
            )
        });
        let admitted: Vec<_> = admitted.collect();
        let admitted = if admitted.is_empty() {
            "nobody".to_owned()
        } else {
            admitted.join(", ")
        };
        format!(
            "{:<8} {:<20} admits {admitted}",
            volume.array.to_string(),
            volume.volume.to_string()
        )
    });
    rows.collect()
}
