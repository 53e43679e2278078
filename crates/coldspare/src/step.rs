//! What a plan is made of. A step is data: it chooses nothing and carries no secret, only the
//! generation from which a secret is derived.

use std::collections::BTreeSet;
use std::fmt;

use coldspare_names::{
    ArrayName, Generation, IscsiName, PersonaName, PortName, ServerName, SwitchName, VolumeId,
};
use coldspare_network::{GuestPlan, SwitchPlan};
use coldspare_san::{Admission, ShutOut};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::event::{Event, What};
use crate::fence::Demand;

/// One thing to do to one device. Every step sets a whole value, may be repeated, and is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Leave: the application moves its work elsewhere.
    Drain {
        /// The persona that leaves.
        persona: PersonaName,
    },
    /// Leave: the operating system shuts down, within a limit, and the server reads Off.
    ShutDown {
        /// The persona that leaves.
        persona: PersonaName,
        /// The server that it leaves.
        server: ServerName,
        /// Whether the agent can be asked; else the management controller is.
        agent: bool,
    },
    /// Take: force the power off, and see it off twice.
    PowerOff {
        /// The server.
        server: ServerName,
    },
    /// Take: clear the boot settings, and keep returning power from booting the server.
    Disarm {
        /// The server.
        server: ServerName,
    },
    /// Take: revoke the server's admissions on one array, end its sessions, and wait for the last.
    ShutOut {
        /// The array.
        array: ArrayName,
        /// Whom, up to which generation, and the stamp to leave.
        request: ShutOut,
    },
    /// Take: put the server's ports on one switch on no network.
    Park {
        /// The server.
        server: ServerName,
        /// The switch.
        switch: SwitchName,
        /// The server's ports there.
        ports: BTreeSet<PortName>,
    },
    /// Prepare: put the spare's ports on one switch on the persona's networks.
    Wire {
        /// The spare.
        server: ServerName,
        /// The switch.
        switch: SwitchName,
        /// What its ports there shall pass.
        ports: SwitchPlan,
    },
    /// Prepare: tell the spare's NIC what to boot.
    Arm {
        /// The spare.
        server: ServerName,
        /// What to boot, and as whom.
        boot: Boot,
    },
    /// Give: admit the new holder to one volume.
    Admit {
        /// The volume.
        volume: VolumeId,
        /// Who is admitted, under which generation, from where.
        admission: Admission,
    },
    /// Give: power on the new holder.
    PowerOn {
        /// The new holder.
        server: ServerName,
        /// Its generation.
        generation: Generation,
    },
    /// Then: wait until the persona is heard from its new holder, or the boot timer ends.
    AwaitAgent {
        /// The persona.
        persona: PersonaName,
        /// The new holder.
        server: ServerName,
        /// Its generation.
        generation: Generation,
    },
    /// Then: set the network interfaces of the persona's operating system.
    ConfigureGuest {
        /// The persona.
        persona: PersonaName,
        /// All of its interfaces.
        plan: GuestPlan,
    },
    /// Then: wait until the application's services run.
    AwaitServices {
        /// The persona.
        persona: PersonaName,
    },
    /// Then: bring the application's copies back to health.
    Rejoin {
        /// The persona.
        persona: PersonaName,
    },
    /// Then: bring the application's work back to where it is preferred.
    Redistribute {
        /// The persona.
        persona: PersonaName,
    },
}

/// What a NIC shall boot: all but the secret, and but the target's name, which is the array's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// The persona's initiator name.
    pub initiator: IscsiName,
    /// The fixed addresses of the server's SAN ports, each with its network's prefix.
    pub initiator_addresses: Vec<IpNet>,
    /// The persona's image.
    pub image: VolumeId,
    /// The generation from which the secret is derived.
    pub generation: Generation,
}

/// When a step is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In a planned run, before anything is taken.
    Leave,
    /// Always: a late one cannot corrupt data.
    Take,
    /// For a reserved spare that reads Off.
    Prepare,
    /// Only with a seat.
    Give,
    /// Once the new holder was given the persona.
    Then,
}

impl Step {
    /// When the step is allowed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Drain { .. } | Self::ShutDown { .. } => Kind::Leave,
            Self::PowerOff { .. }
            | Self::Disarm { .. }
            | Self::ShutOut { .. }
            | Self::Park { .. } => Kind::Take,
            Self::Wire { .. } | Self::Arm { .. } => Kind::Prepare,
            Self::Admit { .. } | Self::PowerOn { .. } => Kind::Give,
            Self::AwaitAgent { .. }
            | Self::ConfigureGuest { .. }
            | Self::AwaitServices { .. }
            | Self::Rejoin { .. }
            | Self::Redistribute { .. } => Kind::Then,
        }
    }
}

impl Step {
    /// What is told once it is done.
    pub fn done(&self) -> Option<What> {
        match self {
            Self::Drain { .. } | Self::ShutDown { .. } | Self::PowerOff { .. } => None,
            Self::Disarm { .. } => Some(What::Disarmed),
            Self::ShutOut { .. } => Some(What::ShutOut),
            Self::Park { .. } => Some(What::Parked),
            Self::Wire { .. } => Some(What::Wired),
            Self::Arm { .. } => Some(What::Armed),
            Self::Admit { .. } => Some(What::Admitted),
            Self::PowerOn { .. } => Some(What::PoweredOn),
            Self::AwaitAgent { .. } => Some(What::AgentUp),
            Self::ConfigureGuest { .. } => Some(What::GuestConfigured),
            Self::AwaitServices { .. } => Some(What::ServicesReady),
            Self::Rejoin { .. } => Some(What::CopiesHealthy),
            Self::Redistribute { .. } => Some(What::Redistributed),
        }
    }

    /// The event with the devices that the step is about.
    pub fn about(&self, event: Event) -> Event {
        match self {
            Self::ShutOut { array, request } => event.array(array).server(&request.server),
            Self::Park { server, switch, .. } | Self::Wire { server, switch, .. } => {
                event.switch(switch).server(server)
            }
            Self::Admit { volume, admission } => event
                .array(&volume.array)
                .volume(&volume.volume)
                .server(&admission.server),
            Self::ShutDown { server, .. }
            | Self::PowerOff { server }
            | Self::Disarm { server }
            | Self::Arm { server, .. }
            | Self::PowerOn { server, .. }
            | Self::AwaitAgent { server, .. } => event.server(server),
            Self::Drain { .. }
            | Self::ConfigureGuest { .. }
            | Self::AwaitServices { .. }
            | Self::Rejoin { .. }
            | Self::Redistribute { .. } => event,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain { persona } => write!(f, "drain {persona}"),
            Self::ShutDown {
                persona, server, ..
            } => write!(f, "shut {persona} down on {server}"),
            Self::PowerOff { server } => write!(f, "power off {server}"),
            Self::Disarm { server } => write!(f, "disarm {server}"),
            Self::ShutOut { array, request } => write!(f, "shut {} out of {array}", request.server),
            Self::Park { server, switch, .. } => write!(f, "park {server} on {switch}"),
            Self::Wire { server, switch, .. } => write!(f, "wire {server} on {switch}"),
            Self::Arm { server, .. } => write!(f, "arm {server}"),
            Self::Admit { volume, admission } => {
                write!(f, "admit {} to {volume}", admission.server)
            }
            Self::PowerOn { server, .. } => write!(f, "power on {server}"),
            Self::AwaitAgent {
                persona, server, ..
            } => write!(f, "await {persona} on {server}"),
            Self::ConfigureGuest { persona, .. } => write!(f, "configure {persona}'s interfaces"),
            Self::AwaitServices { persona } => write!(f, "await {persona}'s services"),
            Self::Rejoin { persona } => write!(f, "rejoin {persona}'s copies"),
            Self::Redistribute { persona } => write!(f, "redistribute to {persona}"),
        }
    }
}

/// Stages in series; the steps of a stage side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The persona it is about.
    pub persona: PersonaName,
    /// What must be proven once the taking is done.
    pub demands: Vec<Demand>,
    /// The stages.
    pub stages: Vec<Vec<Step>>,
}

impl Plan {
    /// Whether the stage of that number takes.
    pub fn takes(&self, stage: usize) -> bool {
        self.stages
            .get(stage)
            .is_some_and(|steps| steps.iter().any(|s| s.kind() == Kind::Take))
    }

    /// Whether the persona was given away and heard before the stage of that number: from then on
    /// nothing is fenced and nothing is planned anew.
    pub fn is_settled(&self, stage: usize) -> bool {
        let mut before = self.stages.iter().take(stage).flatten();
        before.any(|step| matches!(step, Step::AwaitAgent { .. }))
    }
}
