//! What goes wrong with tgtd, its images and the people around it.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use coldspare_san::{Admissions, Array, Error, Lun, Refusal, admit, shut_out};

use crate::bench::{Bench, INITIATOR, PATIENCE, admission, intrudes, request, spec};
use crate::initiator::{Initiator, Who};
use crate::rig::tgtadm;

#[tokio::test]
async fn a_killed_tgtd_gets_everything_back_from_the_next_verb() {
    let Some(mut bench) = Bench::start("tgtd killed (-9)").await else {
        return;
    };
    let holder = admission(2, 3);
    let mut initiator = bench.hold(&holder).await;
    initiator.write(0, 1).await.unwrap();
    let volumes = bench.array.volumes().await.unwrap();
    let admissions = bench.array.admissions().await.unwrap();
    let [session] = bench.array.sessions().await.unwrap().try_into().unwrap();
    let disk = units(&bench);
    bench.daemon.kill();
    let silent = bench.array.sessions().await;
    assert!(matches!(silent, Err(Error::NoAnswer { .. })), "{silent:?}");
    bench.daemon.restart().await;
    assert!(
        !intrudes(&bench, INITIATOR, Some(&holder)),
        "until then nobody gets in"
    );
    assert_eq!(bench.array.volumes().await.unwrap(), volumes);
    assert_eq!(bench.array.admissions().await.unwrap(), admissions);
    assert_eq!(disk, units(&bench), "the disk is the same one");
    let mut initiator = bench.log_in(&holder).await.unwrap();
    bench
        .array
        .drop_sessions(std::slice::from_ref(&session.id))
        .await
        .unwrap();
    initiator
        .write(0, 1)
        .await
        .expect("a session from before the restart is not this one");
    let late = admit(&bench.array, &bench.volume.name, &admission(3, 2)).await;
    let is_stale = |refusal: &Refusal| matches!(refusal, Refusal::Stale { .. });
    assert!(matches!(late, Err(Error::Refused { refusal, .. }) if is_stale(&refusal)));
}

#[tokio::test]
async fn what_others_made_is_shown_and_left_alone() {
    let Some(bench) = Bench::start("foreign targets").await else {
        return;
    };
    let foreign = "iqn.2026-11.com.example:by-hand";
    let image = bench.image.display();
    for typed in [
        format!("--op new --mode target --tid 900 -T {foreign}"),
        format!("--op new --mode logicalunit --tid 900 --lun 3 -b {image}"),
        "--op bind --mode target --tid 900 -I ALL".to_owned(),
    ] {
        tgtadm(&bench.daemon, &typed);
    }
    let who = Who {
        source: [127, 0, 0, 9].into(),
        name: "iqn.2026-11.com.example:stranger",
        chap: None,
    };
    let _open = Initiator::log_in(bench.daemon.portal, foreign, &who)
        .await
        .unwrap();
    let name = foreign.parse().unwrap();
    let volumes = bench.array.volumes().await.unwrap();
    let shown = volumes.iter().find(|volume| volume.name == name).unwrap();
    assert_eq!((shown.size, shown.lun), (bench.volume.size, Lun::new(3)));
    let [session] = bench.array.sessions().await.unwrap().try_into().unwrap();
    assert_eq!((&session.volume, session.source), (&name, who.source));
    let found = bench.array.admissions().await.unwrap()[&name].clone();
    assert_eq!(found.foreign, BTreeSet::from(["rule ALL".to_owned()]));
    let none = Admissions::default();
    for refused in [
        bench.array.set_admissions(&name, &found, &none).await,
        bench.array.delete(&name).await,
        bench.array.create(&spec(foreign)).await.map(drop),
    ] {
        let is_told = matches!(
            refused,
            Err(Error::Refused {
                refusal: Refusal::NameTaken,
                ..
            })
        );
        assert!(is_told, "{refused:?}");
    }
    // A number that others took is not given again.
    bench.array.create(&spec("another")).await.unwrap();
}

#[tokio::test]
async fn a_lost_image_hurts_nobody_but_its_own_volume() {
    let Some(mut bench) = Bench::start("a lost image").await else {
        return;
    };
    admit(&bench.array, &bench.volume.name, &admission(2, 1))
        .await
        .unwrap();
    fs::remove_file(&bench.image).unwrap();
    let other = bench.array.create(&spec("other")).await.unwrap();
    bench.daemon.restart().await;
    admit(&bench.array, &other.name, &admission(3, 1))
        .await
        .unwrap();
    let again = bench.array.create(&spec("image")).await;
    assert!(matches!(again, Err(Error::Failed { .. })), "{again:?}");
    let shut = shut_out(&bench.array, &request(&bench, 2, 1), PATIENCE).await;
    assert!(matches!(shut, Err(Error::Incomplete { .. })), "{shut:?}");
    let found = bench.array.admissions().await.unwrap()[&bench.volume.name].clone();
    assert_eq!(
        found.admitted,
        BTreeSet::new(),
        "it was revoked all the same"
    );
}

#[tokio::test]
async fn a_tgtd_that_hangs_is_no_answer_in_time() {
    let Some(bench) = Bench::start("a tgtd that hangs").await else {
        return;
    };
    bench.daemon.freeze(true);
    let asked = Duration::from_secs(8);
    let answer = tokio::time::timeout(asked, bench.array.sessions()).await;
    bench.daemon.freeze(false);
    assert!(
        matches!(answer, Ok(Err(Error::NoAnswer { .. }))),
        "{answer:?}"
    );
    bench.array.sessions().await.unwrap();
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_never_taken_for_an_empty_one() {
    let Some(bench) = Bench::start("a damaged record").await else {
        return;
    };
    let record = bench.daemon.folder.join("images/coldspare.json");
    fs::write(record, "{}").unwrap();
    let answer = bench.array.admissions().await;
    assert!(matches!(answer, Err(Error::Failed { .. })), "{answer:?}");
}

fn units(bench: &Bench) -> Vec<String> {
    let shown = tgtadm(&bench.daemon, "--op show --mode target");
    let lines = shown.lines().skip_while(|line| !line.contains("LUN: 1"));
    lines.map(str::to_owned).collect()
}
