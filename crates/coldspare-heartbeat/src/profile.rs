//! The limits by which servers are judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Fixed limits, one profile for all servers of a detector.
///
/// They are fixed on purpose: at equal detection time an adaptive limit makes the same number of
/// mistakes. What makes fewer is the second path, the probes and the witnesses.
///
/// In files, every duration is a number of milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// How often a sender sends over each path: 1 s.
    #[serde(with = "millis")]
    pub period: Duration,
    /// One path silent for so long is degraded: 3.5 s.
    #[serde(with = "millis")]
    pub path_silence: Duration,
    /// All paths silent for so long make a suspect: 2.1 s, so that two beats in a row must be lost
    /// on both paths, and with witnesses that answer in a second the mean verdict on a power loss
    /// comes within 3 s.
    #[serde(with = "millis")]
    pub silence: Duration,
    /// How often a suspect's paths are probed, for two periods: every 100 ms. Later, once a
    /// period, so that a mass of suspects does not keep a monitor from hearing the others.
    #[serde(with = "millis")]
    pub probe_every: Duration,
    /// How long a witness may take before it counts as *no answer*: 2 s.
    #[serde(with = "millis")]
    pub answer_limit: Duration,
    /// How long after its answer a witness is asked again, while that may change a verdict: 1 s.
    #[serde(with = "millis")]
    pub ask_again: Duration,
    /// A session that wrote nothing for so long counts as gone: 7 s, which outlasts a stall of 5 s
    /// of a server that writes once a second.
    #[serde(with = "millis")]
    pub idle_limit: Duration,
    /// A disk that was not written for so long, by the agent's own word, is stalled: 10 s.
    #[serde(with = "millis")]
    pub disk_silence: Duration,
    /// A stalled disk without SAN session is given up after so long: 30 s.
    #[serde(with = "millis")]
    pub san_limit: Duration,
    /// *Unknown* for so long is handed to policy: 60 s.
    #[serde(with = "millis")]
    pub ceiling: Duration,
    /// Servers that fall silent within this window may have a shared cause; verdicts are also held
    /// for so long after the monitor itself stood still: 3 s.
    #[serde(with = "millis")]
    pub window: Duration,
    /// How long a hold goes on for stragglers after the first of its servers returned, and for a
    /// server without disk after its array answered that it has no session of it: 60 s.
    #[serde(with = "millis")]
    pub linger: Duration,
    /// Polled so much later than it asked for, the detector takes it that its monitor stood
    /// still: 500 ms.
    #[serde(with = "millis")]
    pub lateness: Duration,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(1),
            path_silence: Duration::from_millis(3_500),
            silence: Duration::from_millis(2_100),
            probe_every: Duration::from_millis(100),
            answer_limit: Duration::from_secs(2),
            ask_again: Duration::from_secs(1),
            idle_limit: Duration::from_secs(7),
            disk_silence: Duration::from_secs(10),
            san_limit: Duration::from_secs(30),
            ceiling: Duration::from_mins(1),
            window: Duration::from_secs(3),
            linger: Duration::from_mins(1),
            lateness: Duration::from_millis(500),
        }
    }
}

impl Profile {
    /// For a monitor that must know within half a second, without asking anybody but the agents: a
    /// period of 100 ms, suspicion after 230 ms, *unknown* handed to policy 220 ms later.
    pub fn fast() -> Self {
        Self {
            period: Duration::from_millis(100),
            path_silence: Duration::from_millis(350),
            silence: Duration::from_millis(230),
            probe_every: Duration::from_millis(20),
            ceiling: Duration::from_millis(220),
            window: Duration::from_millis(300),
            lateness: Duration::from_millis(50),
            ..Self::default()
        }
    }

    /// For servers about which nobody can be asked: given up 3 s after they were last heard. Suspicion
    /// is early, 1.3 s, because it costs probes only, and leaves 1.7 s to probe in.
    pub fn without_witnesses() -> Self {
        Self {
            silence: Duration::from_millis(1_300),
            ceiling: Duration::from_millis(1_700),
            ..Self::default()
        }
    }

    /// Refuses limits that contradict each other.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, reason| Err(Error::Profile { field, reason });
        let durations = [
            ("period", self.period),
            ("path_silence", self.path_silence),
            ("silence", self.silence),
            ("probe_every", self.probe_every),
            ("answer_limit", self.answer_limit),
            ("ask_again", self.ask_again),
            ("idle_limit", self.idle_limit),
            ("disk_silence", self.disk_silence),
            ("san_limit", self.san_limit),
            ("ceiling", self.ceiling),
            ("window", self.window),
            ("linger", self.linger),
            ("lateness", self.lateness),
        ];
        for (field, duration) in durations {
            if duration < Duration::from_millis(1) {
                return refuse(field, "it is shorter than a millisecond");
            }
            if duration > LONGEST {
                return refuse(field, "it is longer than a day");
            }
        }
        if self.silence <= self.period {
            return refuse("silence", "it is no longer than the period");
        }
        if self.path_silence <= self.period {
            return refuse("path_silence", "it is no longer than the period");
        }
        if self.idle_limit <= self.period {
            return refuse("idle_limit", "it is no longer than the period");
        }
        Ok(())
    }

    /// A session that wrote so long after the last heartbeat cannot belong to a server that died
    /// right after it.
    pub(crate) fn wrote_since(&self) -> Duration {
        self.period + self.period / 2
    }
}

const LONGEST: Duration = Duration::from_hours(24);

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
