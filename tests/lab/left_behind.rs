//! Whatever ends the laboratory, nothing of it is left behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{alone, command, lacks_parts};

/// The processes that a process began, and those that they began. Cargo becomes the laboratory.
fn descendants(of: i32) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([of]);
    loop {
        let mut more = Vec::new();
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            // The name, in parentheses, may hold anything.
            let Some((_, rest)) = stat.rsplit_once(") ") else {
                continue;
            };
            let parent = rest.split(' ').nth(1).and_then(|id| id.parse().ok());
            let id = process.file_name().to_string_lossy().parse();
            if let (Ok(id), Some(parent)) = (id, parent)
                && family.contains(&parent)
                && !family.contains(&id)
            {
                more.push(id);
            }
        }
        if more.is_empty() {
            return family;
        }
        family.extend(more);
    }
}

fn kept_logs() -> BTreeSet<String> {
    let names = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.contains("coldspare-lab"))
        .collect()
}

/// A laboratory in which a server is being booted; none where parts are missing.
fn running(scenario: &str) -> Option<Child> {
    let mut lab = command(scenario)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(lab.stdout.take().unwrap()).lines();
    let mut told = told.map_while(Result::ok);
    if told.any(|line| line.contains("powered-on")) {
        // It goes on telling, and whoever tells nobody ends of that.
        std::thread::spawn(move || told.for_each(drop));
        return Some(lab);
    }
    let output = lab.wait_with_output().unwrap();
    assert!(lacks_parts(&output), "{output:?}");
    None
}

#[expect(clippy::disallowed_methods, reason = "waits for the kernel")]
fn all_end(processes: &BTreeSet<i32>) -> bool {
    for _ in 0..600 {
        let alive = processes.iter().filter(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        });
        if alive.count() == 0 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn nothing_is_left_when_the_laboratory_is_killed() {
    let _alone = alone();
    let Some(mut lab) = running("agent") else {
        return;
    };
    let before = kept_logs();
    let id = i32::try_from(lab.id()).unwrap();
    let processes = descendants(id);
    assert!(processes.len() > 8, "the daemons run: {processes:?}");
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    lab.wait().unwrap();
    assert!(all_end(&processes));
    assert_eq!(kept_logs(), before);
}

#[test]
fn nothing_but_the_logs_is_left_when_the_laboratory_is_interrupted() {
    let _alone = alone();
    let Some(lab) = running("agent") else { return };
    let interrupt = |id| kill(Pid::from_raw(id), Signal::SIGINT).unwrap();
    nothing_but_the_logs_is_left(lab, interrupt);
}

#[test]
fn nothing_but_the_logs_is_left_when_the_laboratory_panics() {
    let _alone = alone();
    let Some(lab) = running("panic") else { return };
    nothing_but_the_logs_is_left(lab, |_| {});
}

fn nothing_but_the_logs_is_left(lab: Child, end: impl FnOnce(i32)) {
    let before = kept_logs();
    let id = i32::try_from(lab.id()).unwrap();
    let processes = descendants(id);
    assert!(processes.len() > 8, "the daemons run: {processes:?}");
    end(id);
    let output = lab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(all_end(&processes));
    let said = String::from_utf8(output.stderr).unwrap();
    let after = kept_logs();
    let logs: Vec<_> = after.difference(&before).collect();
    assert_eq!(logs.len(), 1);
    assert!(said.contains(logs[0]), "{said}");
    fs::remove_dir_all(std::env::temp_dir().join(logs[0])).unwrap();
}
