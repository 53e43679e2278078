//! The contract, and what becomes of it when nodes go.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use coldspare_store::conformance::{Rig, check};
use coldspare_store::{
    Error, EtcdStore, Expected, Key, Outcome, Prefix, Revision, Store, Txn, Value,
};
use etcd_client::{AlarmAction, AlarmOptions, AlarmType, Client};
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::rivals;

/// No call of the store takes longer.
const LIMIT: Duration = Duration::from_secs(8);

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str, text: &str) -> Txn {
    Txn::new().put(key(name), Value::new(text).unwrap())
}

async fn connect(cluster: &Cluster) -> EtcdStore {
    EtcdStore::connect(&cluster.endpoints(), &key("coldspare"))
        .await
        .unwrap()
}

/// Stores below one key after the other.
struct Stores {
    cluster: Cluster,
    latest: Mutex<u32>,
}

#[async_trait]
impl Rig for Stores {
    async fn fresh(&self) -> Arc<dyn Store> {
        *self.latest.lock().unwrap() += 1;
        self.again().await
    }

    async fn again(&self) -> Arc<dyn Store> {
        let root = key(&format!("store-{}", self.latest.lock().unwrap()));
        Arc::new(
            EtcdStore::connect(&self.cluster.endpoints(), &root)
                .await
                .unwrap(),
        )
    }

    async fn compact(&self) {
        self.cluster.compact().await;
    }

    fn patience(&self) -> Duration {
        LIMIT
    }
}

#[tokio::test]
async fn does_what_every_store_must() {
    let Some(cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let stores = Stores {
        cluster,
        latest: Mutex::default(),
    };
    assert_eq!(check(&stores).await, []);
}

#[tokio::test]
async fn never_do_two_lead_while_nodes_are_killed_stopped_and_cut_off() {
    let Some(mut cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..3 {
        stores.push(Arc::new(connect(&cluster).await));
    }
    let faults = async {
        sleep(Duration::from_secs(3)).await;
        let leader = cluster.leader().await;
        cluster.kill(leader);
        sleep(Duration::from_secs(4)).await;
        cluster.begin(leader);
        sleep(Duration::from_secs(2)).await;
        let leader = cluster.leader().await;
        cluster.pause(leader);
        sleep(Duration::from_secs(4)).await;
        cluster.resume(leader);
        sleep(Duration::from_secs(2)).await;
        let leader = cluster.leader().await;
        cluster.isolate(leader).await;
        sleep(Duration::from_secs(4)).await;
        cluster.rejoin();
    };
    let length = Duration::from_secs(24);
    tokio::join!(
        rivals::rival(&stores, Duration::from_secs(1), length),
        faults
    );
}

/// Counts in one entry, and sees to it that no count is lost or made twice, whatever is answered.
async fn count(store: &dyn Store, from: u64, to: u64) {
    let counted = timeout(Duration::from_mins(1), count_on(store, from, to)).await;
    counted.expect("two nodes of three are enough");
}

async fn count_on(store: &dyn Store, from: u64, to: u64) {
    let counter = key("counter");
    let mut number = from;
    while number < to {
        let Ok(found) = store.get(&counter).await else {
            continue;
        };
        let text = found
            .as_ref()
            .map(|entry| String::from_utf8_lossy(entry.value.bytes()).into_owned());
        let kept: u64 = text.map_or(0, |text| text.parse().unwrap());
        assert!(
            kept == number || kept == number + 1,
            "{number} were acknowledged, {kept} are kept"
        );
        number = kept;
        let expected = found.map_or(Expected::Absent, |entry| Expected::At(entry.revision));
        let next = put("counter", &(number + 1).to_string()).expect(counter.clone(), expected);
        match store.commit(&next).await {
            Ok(Outcome::Committed(_)) => number += 1,
            Ok(Outcome::Conflict(conflict)) => panic!("nobody else counts: {conflict:?}"),
            Err(error) => assert!(error.may_retry(), "{error}"),
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_no_watch_misses_anything_while_nodes_go_and_come() {
    let Some(mut cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let store = connect(&cluster).await;
    let mut watch = connect(&cluster)
        .await
        .watch(&Prefix::all(), Revision::NONE)
        .await
        .unwrap();
    count(&store, 0, 50).await;
    for round in 1..=3 {
        let number = round * 100;
        let leader = cluster.leader().await;
        cluster.kill(leader);
        count(&store, number - 50, number - 25).await;
        cluster.begin(leader);
        let leader = cluster.leader().await;
        cluster.pause(leader);
        count(&store, number - 25, number).await;
        cluster.resume(leader);
        let leader = cluster.leader().await;
        cluster.isolate(leader).await;
        count(&store, number, number + 50).await;
        cluster.rejoin();
    }
    for expected in 1..=350_u64 {
        let change = timeout(3 * LIMIT, watch.next()).await.unwrap().unwrap();
        let value = change.entries[&key("counter")].as_ref().unwrap();
        assert_eq!(value.bytes(), expected.to_string().as_bytes());
    }
}

#[tokio::test]
async fn without_a_quorum_it_says_so_and_with_one_it_goes_on() {
    let Some(mut cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let store = connect(&cluster).await;
    store.commit(&put("a", "1")).await.unwrap();
    let before = store.list(&Prefix::all()).await.unwrap();
    let mut watch = store.watch(&Prefix::all(), before.revision).await.unwrap();
    let leader = cluster.leader().await;
    let lost = [leader, (leader + 1) % 3];
    for number in lost {
        cluster.kill(number);
    }
    let claim = put("a", "2").expect(key("a"), Expected::At(before.entries[&key("a")].revision));
    let a = key("a");
    for _ in 0..2 {
        let (read, written) = tokio::join!(
            timeout(LIMIT, store.get(&a)),
            timeout(LIMIT, store.commit(&claim)),
        );
        let (read, written) = (read.unwrap().unwrap_err(), written.unwrap().unwrap_err());
        assert!(matches!(read, Error::Unreachable { .. }), "{read}");
        assert!(written.may_retry(), "{written}");
    }
    let told = timeout(2 * LIMIT, watch.next()).await.unwrap().unwrap_err();
    assert!(matches!(told, Error::Unreachable { .. }), "{told}");

    for number in lost {
        cluster.begin(number);
    }
    cluster.is_ready().await;
    let mut watch = store.watch(&Prefix::all(), before.revision).await.unwrap();
    // One that was sent while there was no quorum may have been made after all: it is not made
    // twice.
    let outcome = store.commit(&claim).await.unwrap();
    let kept = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!(kept.value.bytes(), b"2", "{outcome:?}");
    let change = timeout(LIMIT, watch.next()).await.unwrap().unwrap();
    assert_eq!(change.revision, kept.revision);
    let again = timeout(Duration::from_secs(1), watch.next()).await;
    assert!(again.is_err(), "{again:?}");
}

#[tokio::test]
async fn what_etcd_refuses_is_told_apart_and_changes_nothing() {
    let Some(cluster) = Cluster::start(1, &["--max-request-bytes", "10000"]).await else {
        return;
    };
    let store = connect(&cluster).await;
    let large = store
        .commit(&put("a", &"x".repeat(20_000)))
        .await
        .unwrap_err();
    assert!(matches!(large, Error::TooLarge { .. }), "{large}");

    let mut other = Client::connect(cluster.endpoints(), None).await.unwrap();
    let id = other.member_list().await.unwrap().members()[0].id();
    for alarm in [AlarmType::Nospace, AlarmType::Corrupt] {
        let mut options = AlarmOptions::new();
        options.with_member(id);
        other
            .alarm(AlarmAction::Activate, alarm, Some(options.clone()))
            .await
            .unwrap();
        let error = store.commit(&put("a", "1")).await.unwrap_err();
        match &error {
            Error::Full { .. } => {
                assert_eq!(alarm, AlarmType::Nospace);
                assert_eq!(store.get(&key("a")).await.unwrap(), None, "reading goes on");
            }
            Error::Damaged { .. } => assert_eq!(alarm, AlarmType::Corrupt),
            _ => panic!("{error}"),
        }
        assert!(!error.may_retry());
        other
            .alarm(AlarmAction::Deactivate, alarm, Some(options))
            .await
            .unwrap();
    }
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    store.commit(&put("a", "1")).await.unwrap();
}

#[tokio::test]
async fn one_that_is_not_there_cannot_be_reached() {
    let nobody = EtcdStore::connect(&["http://127.0.0.1:1"], &key("coldspare"))
        .await
        .unwrap_err();
    assert!(matches!(nobody, Error::Unreachable { .. }), "{nobody}");
    let nowhere = EtcdStore::connect(&[""; 0], &key("coldspare"))
        .await
        .unwrap_err();
    assert!(matches!(nowhere, Error::Unreachable { .. }), "{nowhere}");
}

#[tokio::test]
async fn a_newer_versions_store_is_refused_also_when_it_becomes_one_meanwhile() {
    let Some(cluster) = Cluster::start(1, &[]).await else {
        return;
    };
    let store = connect(&cluster).await;
    let mut other = Client::connect(cluster.endpoints(), None).await.unwrap();
    for (format, newer) in [("99", true), ("gold", false)] {
        other.put("coldspare/format", format, None).await.unwrap();
        let told = [
            store.commit(&put("a", "1")).await.unwrap_err(),
            EtcdStore::connect(&cluster.endpoints(), &key("coldspare"))
                .await
                .unwrap_err(),
        ];
        for error in told {
            match error {
                Error::NewerFormat {
                    found: 99,
                    known: 1,
                    ..
                } => assert!(newer),
                Error::Damaged { .. } => assert!(!newer),
                error => panic!("{error}"),
            }
        }
    }
    // The cluster's data is gone.
    other.delete("coldspare/format", None).await.unwrap();
    let told = store.commit(&put("a", "1")).await.unwrap_err();
    assert!(matches!(told, Error::Damaged { .. }), "{told}");
}
