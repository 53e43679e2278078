//! What the controller tells: one flat record an event, the same on a terminal, in JSON and in
//! the audit journal.

use std::fmt;

use coldspare_exchange::{DatabaseName, MemberName};
use coldspare_names::{
    ArrayName, Channel, NetworkName, PersonaName, PoolName, PortName, ServerName, SwitchName, Time,
    VolumeName,
};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// Something broke, or was mended: told by whoever broke it (a scenario), never guessed.
    Fault,
    /// A server's heartbeats are missing; witnesses are being asked.
    Suspected,
    /// The detector's verdict on a server, in `status`.
    Verdict,
    /// One of a server's two heartbeat paths is silent.
    PathDegraded,
    /// A server was chosen for a persona.
    Placed,
    /// The chosen server is recorded as reserved, under a new generation.
    Reserved,
    /// A server is proven unable to act as the persona; the proof is in `reason`.
    Fenced,
    /// A server's boot settings are cleared.
    Disarmed,
    /// A server's boot settings are set.
    Armed,
    /// An array admits the server no longer, and none of its sessions is left.
    ShutOut,
    /// A server's switch ports are on no network.
    Parked,
    /// A server's switch ports are on the persona's networks.
    Wired,
    /// An array admits the new holder to a volume.
    Admitted,
    /// A server was powered on and reads On.
    PoweredOn,
    /// The persona was heard from its new server.
    AgentUp,
    /// The persona's network interfaces are set.
    GuestConfigured,
    /// A network moved to its other channel.
    ChannelFailover,
    /// The application's services run.
    ServicesReady,
    /// A database copy became the active one.
    DatabaseActivated,
    /// A database copy changed its status.
    CopyStatus,
    /// All copies of the persona's member are healthy.
    CopiesHealthy,
    /// The active databases are where they are preferred.
    Redistributed,
    /// The persona is back.
    Restored,
    /// A server is fit to be a spare.
    Scrubbed,
    /// Something a person should look at.
    Alarm,
    /// Several servers fell silent together: judged by their shared cause, not one by one.
    Held,
    /// A request, or a stale caller, was refused.
    Refused,
    /// Nothing can be done now; the reasons say what would change that.
    Waiting,
    /// Only a person can decide.
    OperatorNeeded,
}

/// One event: what, about whom, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub event: What,
    /// The subjects it is about.
    #[serde(flatten)]
    pub about: Box<Subject>,
    /// A status word of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The decision explained: each alternative, why not, and what would have to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<String>,
}

macro_rules! subjects {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// Whom an event is about; what does not apply is absent.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
        pub struct Subject {$(
            $(#[$doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,
        )*}

        impl Event {$(
            /// The event with this subject.
            #[must_use]
            pub fn $field(mut self, $field: &$type) -> Self {
                self.about.$field = Some($field.clone());
                self
            }
        )*}

        impl fmt::Display for Subject {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut parts: Vec<String> = Vec::new();
                $(parts.extend(
                    self.$field.as_ref().map(|subject| format!("{} {subject}", stringify!($field))),
                );)*
                f.pad(&parts.join(", "))
            }
        }
    };
}

subjects! {
    /// The server.
    server: ServerName,
    /// The persona.
    persona: PersonaName,
    /// The pool.
    pool: PoolName,
    /// The switch.
    switch: SwitchName,
    /// The switch's port.
    port: PortName,
    /// The network.
    network: NetworkName,
    /// The channel.
    channel: Channel,
    /// The array.
    array: ArrayName,
    /// The volume.
    volume: VolumeName,
    /// The iSCSI target.
    target: coldspare_names::IscsiName,
    /// The database.
    database: DatabaseName,
    /// The member of the database availability group.
    member: MemberName,
}

impl Event {
    /// An event without subject yet.
    pub fn new(event: What) -> Self {
        Self {
            event,
            about: Box::default(),
            status: None,
            reason: None,
            explanation: Vec::new(),
        }
    }

    /// The event with this status word.
    #[must_use]
    pub fn status(mut self, status: impl fmt::Display) -> Self {
        self.status = Some(status.to_string());
        self
    }

    /// The event with this reason.
    #[must_use]
    pub fn because(mut self, reason: impl fmt::Display) -> Self {
        self.reason = Some(reason.to_string());
        self
    }

    /// The event with the decision explained.
    #[must_use]
    pub fn explained(mut self, explanation: Vec<String>) -> Self {
        self.explanation = explanation;
        self
    }
}

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_flat_and_only_what_applies() {
        let event = Event::new(What::PathDegraded)
            .server(&"r720-1".parse().unwrap())
            .channel(&Channel::new(1).unwrap())
            .because("no heartbeat for 2 s");
        let json = serde_json::to_string(&event).unwrap();
        let wanted = r#"{"event":"path-degraded","server":"r720-1","channel":1,"reason":"no heartbeat for 2 s"}"#;
        assert_eq!(json, wanted);
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        assert_eq!(event.about.to_string(), "server r720-1, channel 1");
    }
}
