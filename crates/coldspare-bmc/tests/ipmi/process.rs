//! The tool that speaks IPMI for us: nobody sees the password in it, and it ends when we do.

use std::fs;
use std::time::Duration;

use coldspare_bmc::{Bmc, GuidOrder};
use tokio::time::{sleep, timeout};

use crate::simulator::{PASSWORD, Simulator, is_here};

/// The command lines of the tools that speak to that machine.
fn tools(machine: &Simulator) -> Vec<String> {
    let port = format!("-p\0{}\0", machine.access().address.port());
    let mut lines = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        if line.contains(&port) {
            lines.push(line);
        }
    }
    lines
}

async fn none_is_left(machine: &Simulator) -> bool {
    let gone = async {
        while !tools(machine).is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), gone).await.is_ok()
}

#[tokio::test]
async fn the_password_is_on_no_command_line_and_a_call_that_is_dropped_ends_its_process() {
    if !is_here() {
        return;
    }
    let machine = Simulator::start(GuidOrder::Smbios).await;
    machine.freeze_controller();
    let bmc = machine.ipmi();
    let call = timeout(Duration::from_millis(500), bmc.read());
    let look = async {
        sleep(Duration::from_millis(300)).await;
        tools(&machine)
    };
    let (answer, seen) = tokio::join!(call, look);
    assert!(answer.is_err());
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].contains(PASSWORD), "{seen:?}");
    assert!(!format!("{bmc:?}").contains(PASSWORD));
    assert!(none_is_left(&machine).await);
}

#[tokio::test]
async fn a_process_ends_when_its_caller_dies_in_the_middle_of_a_call() {
    if !is_here() {
        return;
    }
    let machine = Simulator::start(GuidOrder::Smbios).await;
    machine.freeze_controller();
    let bmc = machine.ipmi();
    // What dies is a thread, because the kernel watches the thread; nothing is dropped in it.
    let caller = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::spawn(async move { bmc.read().await });
            sleep(Duration::from_millis(300)).await;
        });
        std::mem::forget(runtime);
    });
    sleep(Duration::from_millis(200)).await;
    assert_eq!(tools(&machine).len(), 1);
    caller.join().unwrap();
    assert!(none_is_left(&machine).await);
}
