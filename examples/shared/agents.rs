//! Which agents are let in.

use std::sync::Arc;

use coldspare::Handle;
use coldspare::site::Site;
use coldspare_agent::remote::{Agents, Expected};
use coldspare_names::ServerName;

/// Lets in the agents of those that the controller expects, whenever that changes.
pub async fn admit(agents: Agents, site: Arc<Site>, controller: Handle) {
    let machine = |server: &ServerName| {
        let of = site.servers.get(server)?;
        Some(of.server.identity.uuid)
    };
    let mut roster = controller.expected();
    loop {
        let all: Vec<_> = roster
            .borrow_and_update()
            .iter()
            .map(|(server, wanted)| {
                let expected = Expected {
                    generation: wanted.generation,
                    key: wanted.key.clone(),
                    slot: wanted.slot,
                    period: wanted.period,
                    machine: machine(server),
                };
                (wanted.persona.clone(), expected)
            })
            .collect();
        agents.expect(all);
        if roster.changed().await.is_err() {
            return;
        }
    }
}
