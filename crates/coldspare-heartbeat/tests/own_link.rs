//! The monitor's own link, on a real interface, in a network namespace of its own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "this is a test, and its helpers")]

use std::process::Command;
use std::time::Duration;

use coldspare_heartbeat::udp::{Clock, Monitor};
use coldspare_heartbeat::{AgentKey, Cause, Enrolment, Finding, Path, Profile, Slot, Start, Watch};
use coldspare_names::Generation;
use tokio::time::timeout;

const TEST: &str = "whose_own_cable_is_pulled_doubts_itself_before_it_suspects_anybody";
/// Set where this program runs a second time, inside the namespace: there `/sys` shows its
/// interfaces.
const INSIDE: &str = "COLDSPARE_INSIDE";

fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn whose_own_cable_is_pulled_doubts_itself_before_it_suspects_anybody() {
    if std::env::var_os(INSIDE).is_some() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        return runtime.enable_all().build().unwrap().block_on(inside());
    }
    let namespace = format!("coldspare-link-{}", std::process::id());
    if !ip(&["netns", "add", &namespace]) {
        let told = format!("{TEST} did not run: no right to make a network namespace");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{told}");
        eprintln!("{told} (apt-get install iproute2; as root)");
        return;
    }
    let ended = Command::new("ip")
        .args(["netns", "exec", &namespace])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(ip(&["netns", "delete", &namespace]));
    assert!(ended.unwrap().success());
}

async fn inside() {
    for arguments in [
        "link add own type veth peer name switch",
        "address add 192.0.2.1/24 dev own",
        "link set own up",
        "link set switch up",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        assert!(ip(&arguments), "{arguments:?}");
    }
    // How late it is on a busy machine is not what this is about.
    let profile = Profile {
        lateness: Duration::from_mins(1),
        ..Profile::fast()
    };
    let clock = Clock::start();
    let address = "192.0.2.1:0".parse().unwrap();
    let mut monitor = Monitor::bind(profile.clone(), address, None, clock).unwrap();
    monitor.sockets_mut().tie(Path::First, "own").unwrap();
    let nothing = timeout(profile.period, monitor.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");

    assert!(ip(&["link", "set", "switch", "down"]));
    let enrolment = Enrolment {
        generation: Generation::new(1),
        watch: Watch::AgentOnOnePath,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    };
    let slot = Slot::new(0).unwrap();
    let key = AgentKey::new([1; 32]).unwrap();
    monitor
        .intake_mut()
        .enrol(slot, &enrolment, key, clock.now());
    let findings = until(&mut monitor, |finding| {
        matches!(
            finding,
            Finding::Held {
                cause: Cause::OwnLink(Path::First),
                ..
            }
        )
    });
    let findings = findings.await;
    let suspects = |finding: &Finding| matches!(finding, Finding::Suspected { .. });
    assert!(!findings.iter().any(suspects), "{findings:?}");
    let more = timeout(profile.silence * 4, until(&mut monitor, suspects)).await;
    assert!(more.is_err(), "{more:?}");

    assert!(ip(&["link", "set", "switch", "up"]));
    let over = until(&mut monitor, |finding| {
        matches!(
            finding,
            Finding::HoldEnded {
                cause: Cause::OwnLink(Path::First),
                ..
            }
        )
    });
    over.await;
}

/// All that is found until that is.
async fn until(monitor: &mut Monitor, wanted: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let mut all = Vec::new();
    let found = async {
        while !all.iter().any(&wanted) {
            all.extend(monitor.next().await);
        }
    };
    timeout(Duration::from_secs(10), found).await.unwrap();
    all
}
