//! Pools: servers and personas among which failover happens, and how it happens there.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use coldspare_names::PoolName;
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

/// Servers and personas that name it are among themselves: no failover leaves a pool. It is also
/// the unit of access rights and of leadership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pool {
    /// What people call it.
    pub name: PoolName,
    /// How failover happens in it.
    #[serde(default)]
    pub policy: PoolPolicy,
}

/// How failover happens in a pool.
///
/// There is no fail-back: a repaired server becomes the new spare. Whoever wants a persona back
/// where it was moves it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PoolPolicy {
    /// The proofs that may be sought without a person, tried in their order. An operator's word is
    /// accepted besides. Both unless set; an empty set leaves every takeover to an operator.
    pub fence_levels: BTreeSet<FenceLevel>,
    /// How long to wait between the two readings of *Off* that make a proof. 2 seconds unless set.
    #[serde(with = "compact::required")]
    pub off_pause: Duration,
    /// How long one call to a device may take.
    pub call_limits: CallLimits,
    /// What to do when neither the management controller nor the SAN says anything.
    pub unknown: UnknownPolicy,
    /// What to do with a server that lives but has lost its disk.
    pub san_lost: SanLostPolicy,
    /// How long a persona may take to shut down. 10 minutes unless set.
    #[serde(with = "compact::required")]
    pub shut_down_limit: Duration,
    /// How many failovers may run side by side; others wait their turn. 2 unless set.
    pub simultaneous_failovers: NonZeroU32,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self {
            fence_levels: BTreeSet::from([FenceLevel::Off, FenceLevel::Isolation]),
            off_pause: Duration::from_secs(2),
            call_limits: CallLimits::default(),
            unknown: UnknownPolicy::default(),
            san_lost: SanLostPolicy::default(),
            shut_down_limit: Duration::from_mins(10),
            simultaneous_failovers: NonZeroU32::MIN.saturating_add(1),
        }
    }
}

/// A way to prove without a person that a server can act as a persona no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FenceLevel {
    /// Its management controller says twice that it is off.
    Off,
    /// Every array has shut it out, and every managed switch port of it is parked.
    Isolation,
}

/// How long one call to a device may take, by kind of device. The longest is also how long a
/// new leader waits before it gives anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallLimits {
    /// To a management controller. 20 seconds unless set, the time that fence-agents allow
    /// for a change of power.
    #[serde(with = "compact::required")]
    pub bmc: Duration,
    /// To a switch. 10 seconds unless set.
    #[serde(with = "compact::required")]
    pub switch: Duration,
    /// To an array. 20 seconds unless set.
    #[serde(with = "compact::required")]
    pub array: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            bmc: Duration::from_secs(20),
            switch: Duration::from_secs(10),
            array: Duration::from_secs(20),
        }
    }
}

/// What to do with a silent server of which neither its management controller nor the SAN says
/// anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum UnknownPolicy {
    /// Ask a person.
    #[default]
    Operator,
    /// Try to isolate it.
    Isolate {
        /// Once it has been unknown for so long.
        #[serde(with = "compact::required")]
        after: Duration,
    },
}

/// What to do with a server whose agent lives, but whose disk is gone. An alarm is raised at once
/// in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum SanLostPolicy {
    /// Nothing more.
    Alarm,
    /// Fence it and take its persona over.
    Fence {
        /// Once its disk has been gone for so long.
        #[serde(with = "compact::required")]
        after: Duration,
    },
}

impl Default for SanLostPolicy {
    /// Fence it after 2 minutes: for so long a Linux initiator waits for its target by default
    /// (open-iscsi, `node.session.timeo.replacement_timeout`) before it fails the disk.
    fn default() -> Self {
        Self::Fence {
            after: Duration::from_mins(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policy: &serde_json::Value) -> Result<PoolPolicy, serde_json::Error> {
        PoolPolicy::deserialize(policy)
    }

    #[test]
    fn a_pool_that_says_nothing_gets_the_documented_policy() {
        let pool: Pool = serde_json::from_str(r#"{ "name": "exchange" }"#).unwrap();
        let policy = pool.policy;
        assert_eq!(policy.off_pause, Duration::from_secs(2));
        assert_eq!(policy.unknown, UnknownPolicy::Operator);
        assert_eq!(policy.simultaneous_failovers.get(), 2);
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let policy = PoolPolicy {
            unknown: UnknownPolicy::Isolate {
                after: Duration::from_mins(5),
            },
            san_lost: SanLostPolicy::Alarm,
            fence_levels: [FenceLevel::Isolation].into(),
            ..PoolPolicy::default()
        };
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!(json["unknown"]["isolate"]["after"], "5m");
        assert_eq!(read(&json).unwrap(), policy);
    }

    #[test]
    fn a_misspelt_or_senseless_policy_is_refused() {
        for wrong in [
            serde_json::json!({ "off-pauze": "2s" }),
            serde_json::json!({ "off-pause": "-2s" }),
            serde_json::json!({ "simultaneous-failovers": 0 }),
            serde_json::json!({ "unknown": { "isolate": {} } }),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
