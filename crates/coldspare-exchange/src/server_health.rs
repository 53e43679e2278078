//! The health of a server compared with another's, as best copy and server selection does (2013
//! and later).
//!
//! Source: Microsoft's page on Active Manager.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much a monitored component matters, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Without it nothing works.
    Critical,
    /// It matters much.
    High,
    /// It matters.
    Normal,
    /// It can be done without.
    Low,
}

/// A component that managed availability watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitored {
    /// How much it matters.
    pub priority: Priority,
    /// Whether it is healthy.
    pub healthy: bool,
}

/// The monitored components of a server, by their name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerHealth(pub BTreeMap<String, Monitored>);

/// How the health of a server compares with that of the server it would take over from, in the
/// order in which they are tried.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum HealthLevel {
    /// All monitored components are healthy.
    #[default]
    AllHealthy,
    /// All components of normal priority and above are healthy.
    UpToNormalHealthy,
    /// Some component is in a better state than on the current server, and none in a worse.
    BetterThanSource,
    /// All components are in the same state as on the current server.
    SameAsSource,
}

impl ServerHealth {
    /// The first level that this server reaches against the current one; `None` rules it out.
    ///
    /// `failed` is the component that asked for the failover, if one did: it must be in a better
    /// state here.
    pub fn level(&self, current: &Self, failed: Option<&str>) -> Option<HealthLevel> {
        let healthy = |server: &Self, name: &str| server.0.get(name).is_none_or(|of| of.healthy);
        if failed.is_some_and(|name| !healthy(self, name) || healthy(current, name)) {
            return None;
        }
        let all = |up_to: Priority| {
            let mut watched = self.0.values().filter(|of| of.priority <= up_to);
            watched.all(|of| of.healthy)
        };
        if all(Priority::Low) {
            return Some(HealthLevel::AllHealthy);
        }
        if all(Priority::Normal) {
            return Some(HealthLevel::UpToNormalHealthy);
        }
        let names = || self.0.keys().chain(current.0.keys());
        let worse = names().any(|name| !healthy(self, name) && healthy(current, name));
        let better = names().any(|name| healthy(self, name) && !healthy(current, name));
        match (worse, better) {
            (true, _) => None,
            (false, true) => Some(HealthLevel::BetterThanSource),
            (false, false) => Some(HealthLevel::SameAsSource),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server whose components are healthy (+) or not (-): one critical, one normal, two low.
    fn server(states: &str) -> ServerHealth {
        let names = [
            ("store", Priority::Critical),
            ("search", Priority::Normal),
            ("owa", Priority::Low),
            ("pop", Priority::Low),
        ];
        let watched = names.into_iter().zip(states.chars());
        let watched = watched.map(|((name, priority), state)| {
            let healthy = state == '+';
            (name.to_owned(), Monitored { priority, healthy })
        });
        ServerHealth(watched.collect())
    }

    /// Target · current server · component that failed · level, transcribed by hand.
    const TABLE: [(&str, &str, Option<&str>, Option<HealthLevel>); 10] = [
        ("++++", "++++", None, Some(HealthLevel::AllHealthy)),
        ("++++", "----", None, Some(HealthLevel::AllHealthy)),
        ("++-+", "++++", None, Some(HealthLevel::UpToNormalHealthy)),
        ("+---", "----", None, Some(HealthLevel::BetterThanSource)),
        ("+-++", "+-++", None, Some(HealthLevel::SameAsSource)),
        ("+-++", "++++", None, None),
        (
            "++-+",
            "--++",
            Some("store"),
            Some(HealthLevel::UpToNormalHealthy),
        ),
        ("++-+", "++-+", Some("owa"), None),
        ("++++", "++-+", Some("owa"), Some(HealthLevel::AllHealthy)),
        ("-+++", "-+++", Some("store"), None),
    ];

    #[test]
    fn the_levels_are_tried_in_their_order_and_a_failed_component_must_be_better() {
        for (target, current, failed, level) in TABLE {
            let found = server(target).level(&server(current), failed);
            assert_eq!(
                found, level,
                "{target} against {current}, {failed:?} failed"
            );
        }
    }
}
