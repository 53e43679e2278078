//! A controller that is killed (-9) anywhere in its work, and another one that does it again; and
//! two at once.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coldspare_bmc::{
    Bmc, BootSource, Chap, Ipmi, NicFile, Timing, Unmet, arm, disarm, power_on, prove_off,
};
use secrecy::SecretString;

use crate::simulator::{Simulator, server};
use crate::{TIMING, machine, source};

/// The pause is not what is tested.
const QUICK: Timing = Timing {
    pause: Duration::from_millis(20),
    ..TIMING
};
const PORT: &str = "COLDSPARE_IPMI_PORT";
const NIC: &str = "COLDSPARE_IPMI_NIC";

fn with_nic(ipmi: Ipmi, nic: impl Into<std::path::PathBuf>) -> NicFile {
    NicFile::new(server(), Arc::new(ipmi), nic)
}

/// From whatever it does to a machine that booted that source, as often as it is begun.
async fn work(bmc: &dyn Bmc) {
    let identity = Simulator::identity();
    prove_off(bmc, &identity, &QUICK).await.unwrap();
    disarm(bmc, &identity, &QUICK).await.unwrap();
    arm(bmc, &identity, &source(), &QUICK).await.unwrap();
    power_on(bmc, &identity, &QUICK).await.unwrap();
}

/// Not a test of its own: the process that is killed.
#[tokio::test]
#[ignore = "started by the test below"]
async fn the_one_that_is_killed() {
    let port = env::var(PORT).unwrap().parse().unwrap();
    let bmc = with_nic(Simulator::ipmi_at(port), env::var_os(NIC).unwrap());
    println!("begins");
    work(&bmc).await;
    println!("has ended");
}

#[tokio::test]
async fn killed_anywhere_and_done_again_it_ends_the_same() {
    let Some(machine) = machine().await else {
        return;
    };
    let bmc = with_nic(machine.ipmi(), machine.nic());
    let mut ends = BTreeMap::new();
    let (mut after, mut cut) = (Duration::ZERO, 0);
    // The last one is not killed: it gives the end that the others must have.
    loop {
        if !machine.runs() {
            machine.turn_on_by_hand().await;
        }
        let was_killed = kill(&machine, after).await;
        work(&bmc).await;
        assert!(machine.runs());
        let end = (bmc.read().await.unwrap(), bmc.settings().await.unwrap());
        ends.insert(format!("{end:?}"), after);
        cut += u32::from(was_killed);
        after += Duration::from_millis(100);
        if !was_killed {
            break;
        }
    }
    println!("killed {cut} times, up to {after:?} after it began");
    assert!(cut > 5, "it was killed {cut} times only");
    assert_eq!(ends.len(), 1, "{ends:#?}");
}

/// Starts the work in a process of its own, and kills it so long after it began.
async fn kill(machine: &Simulator, after: Duration) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::the_one_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(PORT, machine.access().address.port().to_string())
        .env(NIC, machine.nic())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("begins")));
    tokio::time::sleep(after).await;
    child.kill().unwrap();
    child.wait().unwrap();
    !lines.any(|line| line.unwrap().contains("has ended"))
}

#[tokio::test]
async fn of_two_callers_at_once_one_wins_and_nothing_is_mixed() {
    let Some(machine) = machine().await else {
        return;
    };
    let (one, other) = (
        with_nic(machine.ipmi(), machine.nic()),
        with_nic(machine.ipmi(), machine.nic()),
    );
    let BootSource::Iscsi(boot) = source() else {
        unreachable!()
    };
    let mut second = boot.clone();
    second.generation = boot.generation.next();
    let secret = SecretString::from("secret-p1-gen3");
    second.chap = Chap::new("p1g3", secret).ok();
    let wishes = [boot, second].map(BootSource::Iscsi);
    let identity = Simulator::identity();
    for _ in 0..5 {
        let (first, second) = tokio::join!(
            arm(&one, &identity, &wishes[0], &QUICK),
            arm(&other, &identity, &wishes[1], &QUICK),
        );
        let found = one.settings().await.unwrap().boot;
        let winner = wishes.iter().position(|wish| found == Some(wish.armed()));
        let answers = [first, second];
        let winner = winner.unwrap_or_else(|| panic!("{found:?} after {answers:?}"));
        assert!(answers[winner].is_ok(), "{answers:?}");
        let other = &answers[1 - winner];
        // It read back its own wish, or somebody else's.
        assert!(matches!(other, Ok(_) | Err(Unmet::Reads(_))), "{other:?}");
    }
}
