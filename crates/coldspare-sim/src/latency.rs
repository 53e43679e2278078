//! How long things take in the data centre.

use std::time::Duration;

use serde::Serialize;

/// How long things take. No figure is from the paper, which gives none: all are assumptions, in
/// the order of size of a rack server with Windows Server and Exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Latency {
    /// From power-on until the firmware logs in to its boot target: 3 minutes.
    pub post: Duration,
    /// From the login until the operating system and its agent run: 4 minutes.
    pub boot: Duration,
    /// From then until the application's services run: 4 minutes.
    pub services: Duration,
    /// How long an orderly shut-down takes: 2 minutes.
    pub shut_down: Duration,
    /// How long a forced power-off takes: 1 second.
    pub power_off: Duration,
    /// How long firmware and operating system wait between two logins: 5 seconds.
    pub login_retry: Duration,
    /// How long firmware tries to log in before it gives up: 5 minutes.
    pub login_limit: Duration,
    /// After how long an array ends the session of an initiator that is gone: 30 seconds. Zero:
    /// never.
    pub session_timeout: Duration,
    /// A call to a management controller: 500 milliseconds.
    pub bmc_call: Duration,
    /// A call to a switch: 500 milliseconds.
    pub switch_call: Duration,
    /// A call to an array: 500 milliseconds.
    pub array_call: Duration,
    /// A call to an agent: 100 milliseconds.
    pub guest_call: Duration,
    /// A call to the store: 5 milliseconds.
    pub store_call: Duration,
    /// From the crash of a controller until another one runs: 10 seconds.
    pub controller_restart: Duration,
    /// Until the cluster of a group misses a node: 5 seconds.
    pub node_detection: Duration,
    /// Until a database is mounted after a failover: 2 seconds.
    pub mount: Duration,
    /// Logs that one copy replays in an hour: 7200.
    pub replay_rate: u64,
    /// Logs that the clients of each database cause in an hour: 3600.
    pub logs: u64,
    /// By how many percent a server's POST and boot vary, up or down: 5.
    pub variation: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            post: Duration::from_mins(3),
            boot: Duration::from_mins(4),
            services: Duration::from_mins(4),
            shut_down: Duration::from_mins(2),
            power_off: Duration::from_secs(1),
            login_retry: Duration::from_secs(5),
            login_limit: Duration::from_mins(5),
            session_timeout: Duration::from_secs(30),
            bmc_call: Duration::from_millis(500),
            switch_call: Duration::from_millis(500),
            array_call: Duration::from_millis(500),
            guest_call: Duration::from_millis(100),
            store_call: Duration::from_millis(5),
            controller_restart: Duration::from_secs(10),
            node_detection: Duration::from_secs(5),
            mount: Duration::from_secs(2),
            replay_rate: 7_200,
            logs: 3_600,
            variation: 5,
        }
    }
}
