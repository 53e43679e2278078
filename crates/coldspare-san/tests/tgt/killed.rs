//! A controller that is killed (-9) anywhere in its work, and another one that does it again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use coldspare_san::{Array, ShutOut, admit, shut_out};

use crate::bench::{Bench, PATIENCE, admission, request, request_for, spec};
use crate::daemon::array_in;
use crate::rig::tgtadm;

const FOLDER: &str = "COLDSPARE_TGT_FOLDER";

/// A failover and the making of volumes, as often as it is begun.
async fn work(array: &dyn Array, request: &ShutOut) {
    shut_out(array, request, PATIENCE).await.unwrap();
    let (gold, clone) = (spec("gold"), "clone".parse().unwrap());
    array.create(&gold).await.unwrap();
    array
        .clone_volume(&gold.name, &clone, &|_| ())
        .await
        .unwrap();
    for volume in request.volumes.iter().chain([&clone]) {
        admit(array, volume, &admission(3, 2)).await.unwrap();
    }
    array.delete(&gold.name).await.unwrap();
}

/// Not a test of its own: the process that is killed.
#[tokio::test]
#[ignore = "started by the test below"]
async fn the_one_that_is_killed() {
    let folder = env::var_os(FOLDER).unwrap();
    let array = array_in(folder.as_ref(), "127.0.0.1:3260".parse().unwrap());
    println!("begins");
    let image = "image".parse().unwrap();
    work(&array, &request_for(image, 2, 1)).await;
    println!("has ended");
}

#[tokio::test]
async fn killed_anywhere_and_done_again_it_ends_the_same() {
    let mut ends = BTreeMap::new();
    let (mut after, mut cut) = (Duration::ZERO, 0);
    // The last one is not killed: it gives the end that the others must have.
    loop {
        let Some(bench) = Bench::start("a controller killed (-9)").await else {
            return;
        };
        let old = admission(2, 1);
        let mut initiator = bench.hold(&old).await;
        initiator.write(0, 1).await.unwrap();
        let was_killed = kill(&bench, after).await;
        work(&bench.array, &request(&bench, 2, 1)).await;
        assert!(initiator.write(0, 1).await.is_err());
        ends.insert(end(&bench).await, after);
        cut += u32::from(was_killed);
        after += Duration::from_millis(23);
        if !was_killed {
            break;
        }
    }
    println!("killed {cut} times, up to {after:?} after it began");
    assert!(cut > 5, "it was killed {cut} times only");
    assert_eq!(ends.len(), 1, "{ends:#?}");
}

/// Starts the work in a process of its own, and kills it so long after it began.
async fn kill(bench: &Bench, after: Duration) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::the_one_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, &bench.daemon.folder)
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

/// Everything that is there at the end but target numbers, which count what was revoked.
async fn end(bench: &Bench) -> String {
    let volumes = bench.array.volumes().await.unwrap();
    let admissions = bench.array.admissions().await.unwrap();
    let shown = tgtadm(&bench.daemon, "--op show --mode target");
    let folder = bench.daemon.folder.to_str().unwrap();
    let mut shown: Vec<_> = shown.lines().map(|line| line.replace(folder, "")).collect();
    shown.retain(|line| !line.contains("beaf") && !line.contains("IET  "));
    for line in &mut shown {
        if line.starts_with("Target ") {
            *line = line.rsplit_once(' ').unwrap().1.to_owned();
        }
    }
    let files = fs::read_dir(bench.daemon.folder.join("images"))
        .unwrap()
        .flatten();
    let mut files: Vec<_> = files.map(|file| file.file_name()).collect();
    files.sort();
    let mut accounts: Vec<_> = crate::accounts(bench);
    accounts.sort();
    // Targets are shown in the order in which they were made.
    shown.sort();
    format!(
        "{volumes:?}\n{admissions:?}\n{files:?}\n{accounts:?}\n{}",
        shown.join("\n")
    )
}
