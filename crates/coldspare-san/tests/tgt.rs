//! The whole contract on a real tgtd, started here, and what it does that memory cannot show.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "tgt/bench.rs"]
mod bench;
#[path = "tgt/daemon.rs"]
mod daemon;
#[path = "tgt/initiator.rs"]
mod initiator;
#[path = "tgt/killed.rs"]
mod killed;
#[path = "tgt/md5.rs"]
mod md5;
#[path = "tgt/rig.rs"]
mod rig;
#[path = "tgt/trouble.rs"]
mod trouble;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use coldspare_san::conformance::check;
use coldspare_san::{
    Admission, Admissions, Array, Error, LastWrite, Refusal, admit, chap, shut_out,
};
use futures::future::join_all;
use secrecy::ExposeSecret;

use crate::bench::{Bench, INITIATOR, PATIENCE, admission, intrudes, request};
use crate::daemon::{is_everything_there, key};
use crate::initiator::Initiator;
use crate::rig::{TgtRig, number_of, tgtadm};

#[tokio::test]
async fn a_real_tgtd_keeps_the_contract() {
    if is_everything_there("the contract on a real tgtd") {
        assert_eq!(check(&TgtRig::default()).await, []);
    }
}

#[tokio::test]
async fn an_old_secret_opens_nothing_to_an_initiator_that_is_not_ours() {
    let Some(bench) = Bench::start("an intruder with libiscsi's tools").await else {
        return;
    };
    let (old, new) = (admission(2, 1), admission(3, 2));
    let intrudes = |admission| intrudes(&bench, INITIATOR, Some(admission));
    admit(&bench.array, &bench.volume.name, &old).await.unwrap();
    assert!(intrudes(&old), "the tool can get in at all");
    assert!(
        !bench::intrudes(&bench, "iqn.2026-11.com.example:Persona", Some(&old)),
        "byte for byte"
    );
    shut_out(&bench.array, &request(&bench, 2, 1), PATIENCE)
        .await
        .unwrap();
    assert!(!intrudes(&old), "after shutting out");
    admit(&bench.array, &bench.volume.name, &new).await.unwrap();
    assert!(intrudes(&new), "the new one");
    assert!(!intrudes(&old), "beside the new one");
    assert!(
        !bench::intrudes(&bench, INITIATOR, None),
        "without a secret"
    );
    assert!(!crate::bench::intrudes(
        &bench,
        "iqn.2026-11.com.example:stranger",
        Some(&new)
    ));
}

#[tokio::test]
async fn shutting_out_waits_for_the_write_that_is_under_way() {
    let Some(bench) = Bench::start("a late write").await else {
        return;
    };
    let old = admission(2, 1);
    let mut initiator = bench.hold(&old).await;
    initiator.write(0, 1).await.unwrap();
    File::create(bench.daemon.slow()).unwrap();
    initiator.begin_write(7, 0x77).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let request = request(&bench, 2, 1);
    let shut = shut_out(&bench.array, &request, PATIENCE);
    let landed = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let sessions = bench.array.sessions().await.unwrap();
        let before = byte_at(&bench, 7);
        fs::remove_file(bench.daemon.slow()).unwrap();
        (sessions.len(), before)
    };
    let (shut, (listed, before)) = tokio::join!(shut, landed);
    assert_eq!(
        (listed, before),
        (1, 0),
        "listed, and not landed, half a second after the drop"
    );
    shut.unwrap();
    assert_eq!(
        byte_at(&bench, 7),
        0x77,
        "it had landed when the evidence was given"
    );
    assert!(initiator.write(8, 0x78).await.is_err());
}

#[tokio::test]
async fn a_login_that_was_half_done_when_its_server_was_shut_out_ends_in_nothing() {
    let Some(bench) = Bench::start("a half-open login").await else {
        return;
    };
    let old = admission(2, 1);
    admit(&bench.array, &bench.volume.name, &old).await.unwrap();
    let mut half = bench.half_open(&old).await;
    // Another session keeps the old target alive for a while.
    let mut open = bench.log_in(&old).await.unwrap();
    open.write(0, 1).await.unwrap();
    shut_out(&bench.array, &request(&bench, 2, 1), PATIENCE)
        .await
        .unwrap();
    assert!(half.finish().await.is_err(), "it gets in");
    assert_eq!(bench.array.sessions().await.unwrap(), []);
}

#[tokio::test]
async fn tgtd_by_itself_is_as_open_as_its_documentation_here_says() {
    let Some(bench) = Bench::start("what tgtd itself does").await else {
        return;
    };
    let old = admission(2, 1);
    admit(&bench.array, &bench.volume.name, &old).await.unwrap();
    let number = number_of(&bench.daemon, &bench.volume);
    let mut half = bench.half_open(&old).await;
    let unbind = |what: &str| {
        tgtadm(
            &bench.daemon,
            &format!("--op unbind --mode {what} --tid {number}"),
        );
    };
    // From the back: a gap among the accounts would crash it.
    for user in accounts(&bench) {
        unbind(&format!("account --user {user}"));
    }
    assert!(
        intrudes(&bench, INITIATOR, None),
        "the last account opens the target"
    );
    unbind(&format!("target --initiator-name {INITIATOR}"));
    assert!(!intrudes(&bench, INITIATOR, None), "no rule, no entry");
    half.finish()
        .await
        .expect("a half-open login outlives account and rule");
    half.write(0, 1).await.unwrap();
    tgtadm(
        &bench.daemon,
        &format!("--op bind --mode target --tid {number} --initiator-name {INITIATOR}"),
    );
    tgtadm(
        &bench.daemon,
        &format!("--op bind --mode target --tid {number} --initiator-address 127.0.0.1"),
    );
    assert!(
        intrudes(&bench, "iqn.2026-11.com.example:stranger", None),
        "rules are ORed"
    );
    // The next verb mends all that was ours; what was added by hand is shown.
    let found = &bench.array.admissions().await.unwrap()[&bench.volume.name];
    assert_eq!(found.foreign, BTreeSet::from(["rule 127.0.0.1".to_owned()]));
    assert!(!intrudes(&bench, INITIATOR, None), "guarded again");
    assert!(
        intrudes(&bench, INITIATOR, Some(&old)),
        "and open to the admitted again"
    );
}

#[tokio::test]
async fn of_many_callers_at_once_one_wins_and_the_others_are_told() {
    let Some(bench) = Bench::start("many callers").await else {
        return;
    };
    let volume = &bench.volume.name;
    for round in 1..4 {
        let before = bench.array.admissions().await.unwrap()[volume].clone();
        let each = (2..8).map(|server| before.admitting(&admission(server, round)));
        let wanted: Vec<_> = each.collect();
        let arrays: Vec<_> = wanted.iter().map(|_| bench.daemon.array()).collect();
        let calls = arrays.iter().zip(&wanted);
        let calls = calls.map(|(array, wanted)| array.set_admissions(volume, &before, wanted));
        let answers = join_all(calls).await;
        let won: Vec<_> = answers
            .iter()
            .zip(&wanted)
            .filter(|(answer, _)| answer.is_ok())
            .collect();
        let [(_, won)] = won[..] else {
            panic!("{answers:?}")
        };
        for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            let is_told = matches!(
                answer,
                Error::Refused {
                    refusal: Refusal::Conflict(_),
                    ..
                }
            );
            assert!(is_told, "{answer:?}");
        }
        assert_eq!(bench.array.admissions().await.unwrap()[volume], *won);
        let clear = Admissions {
            admitted: BTreeSet::new(),
            ..won.clone()
        };
        bench
            .array
            .set_admissions(volume, won, &clear)
            .await
            .unwrap();
        assert_eq!(accounts(&bench).len(), 1, "only the guard is left");
    }
}

#[tokio::test]
async fn no_process_list_ever_shows_a_secret() {
    let Some(bench) = Bench::start("secrets in process lists").await else {
        return;
    };
    let looking = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let looks = looking.clone();
    let watcher = std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while looks.load(std::sync::atomic::Ordering::Relaxed) {
            for process in fs::read_dir("/proc").unwrap().flatten() {
                if let Ok(line) = fs::read(process.path().join("cmdline")) {
                    seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                }
            }
        }
        seen
    });
    for generation in 1..12 {
        admit(&bench.array, &bench.volume.name, &admission(2, generation))
            .await
            .unwrap();
    }
    looking.store(false, std::sync::atomic::Ordering::Relaxed);
    let seen = watcher.join().unwrap();
    assert!(
        seen.iter().any(|line| line.contains("tgtadm")),
        "the watcher sees calls"
    );
    for generation in 1..12 {
        let Admission {
            initiator,
            server,
            generation,
            ..
        } = admission(2, generation);
        let secret = chap(&key(), &initiator, &server, generation).secret;
        assert!(
            !seen
                .iter()
                .any(|line| line.contains(secret.expose_secret()))
        );
    }
    assert!(!seen.iter().any(|line| line.contains("password")));
}

#[tokio::test]
async fn with_two_servers_on_a_volume_nobody_knows_who_wrote() {
    let Some(bench) = Bench::start("two writers").await else {
        return;
    };
    let (one, other) = (admission(2, 1), admission(3, 1));
    let found = bench.array.admissions().await.unwrap()[&bench.volume.name].clone();
    let wanted = found.admitting(&one).admitting(&other);
    bench
        .array
        .set_admissions(&bench.volume.name, &found, &wanted)
        .await
        .unwrap();
    let mut first = bench.log_in(&one).await.unwrap();
    first.write(0, 1).await.unwrap();
    let told = async || {
        let sessions = bench.array.sessions().await.unwrap();
        sessions
            .into_iter()
            .map(|session| session.last_write)
            .collect::<Vec<_>>()
    };
    let [LastWrite::At(earlier)] = told().await[..] else {
        panic!()
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.write(0, 2).await.unwrap();
    let [LastWrite::At(later)] = told().await[..] else {
        panic!()
    };
    assert!(later > earlier);
    let _second: Initiator = bench.log_in(&other).await.unwrap();
    assert_eq!(told().await, [LastWrite::Unknown; 2]);
}

#[tokio::test]
async fn a_copy_is_whole_and_a_volume_that_is_written_to_meanwhile_is_not_copied() {
    let Some(bench) = Bench::start("copies").await else {
        return;
    };
    let mut initiator = bench.hold(&admission(2, 1)).await;
    initiator.write(3, 0x33).await.unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |done| told.lock().unwrap().push(done);
    let copy = "copy".parse().unwrap();
    let made = bench
        .array
        .clone_volume(&bench.volume.name, &copy, &progress)
        .await
        .unwrap();
    assert_eq!(told.lock().unwrap().last(), Some(&bench.volume.size));
    admit(&bench.array, &copy, &admission(3, 1)).await.unwrap();
    let images = || {
        fs::read_dir(bench.daemon.folder.join("images"))
            .unwrap()
            .flatten()
    };
    let images = images().filter(|file| file.path().extension().is_some_and(|end| end == "img"));
    let contents: BTreeSet<_> = images.map(|file| fs::read(file.path()).unwrap()).collect();
    assert_eq!(contents.len(), 1, "both images are the same");
    assert_eq!(made.size, bench.volume.size);
    let busy = "busy".parse().unwrap();
    let copied = bench.array.clone_volume(&bench.volume.name, &busy, &|_| ());
    let (copied, ()) = tokio::join!(copied, async {
        for block in 0..40 {
            initiator.write(block, 0x44).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    // Where the file system shares blocks, it was copied in one moment.
    let is_refused = matches!(copied, Err(Error::Failed { retry: true, .. }));
    assert!(is_refused || copied.is_ok(), "{copied:?}");
    let listed = bench.array.volumes().await.unwrap();
    assert_eq!(listed.iter().any(|volume| volume.name == busy), !is_refused);
}

fn byte_at(bench: &Bench, block: u64) -> u8 {
    let mut byte = [0];
    let image = File::open(&bench.image).unwrap();
    image.read_exact_at(&mut byte, block * 512).unwrap();
    byte[0]
}

/// The newest first.
fn accounts(bench: &Bench) -> Vec<String> {
    let shown = tgtadm(&bench.daemon, "--op show --mode account");
    let users = shown.lines().skip(1).map(str::trim);
    users.map(str::to_owned).collect()
}
