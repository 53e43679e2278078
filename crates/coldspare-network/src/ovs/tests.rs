//! The adapter against servers that are not Open vSwitch: silent, hostile, or at their limits.

use std::convert::Infallible;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::Membership;

/// A switch, and the server that it faces for one call.
async fn facing(
    server: impl AsyncFnOnce(&mut TcpStream),
) -> (OvsSwitch, impl Future<Output = Infallible>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        endpoint: Endpoint::Tcp(listener.local_addr().unwrap()),
        bridge: "lan".to_owned(),
        settling: Settling::Pause(Duration::ZERO),
        time_limit: Duration::from_secs(2),
    };
    let managed = ["p1", "p2"].map(|port| port.parse().unwrap());
    let switch = OvsSwitch::new("lan-1".parse().unwrap(), settings, managed);
    let server = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        server(&mut stream).await;
        std::future::pending().await
    };
    (switch, server)
}

/// What parking a port comes to with that server.
async fn park_with(server: impl AsyncFnOnce(&mut TcpStream)) -> Result<(), Error> {
    let (switch, server) = facing(server).await;
    let (expected, parked) = (
        BTreeMap::new(),
        [("p1".parse().unwrap(), Membership::Parked)].into(),
    );
    tokio::select! {
        outcome = switch.set_ports(&expected, &parked) => outcome,
        never = server => match never {},
    }
}

/// What parking a port comes to when those are the results of the transactions.
async fn park_with_results(results: impl IntoIterator<Item = Value>) -> Result<(), Error> {
    park_with(async |stream| {
        for result in results {
            let id = &request(stream).await["id"];
            say(
                stream,
                &json!({ "id": id, "result": result, "error": null }),
            )
            .await;
        }
    })
    .await
}

async fn request(stream: &mut TcpStream) -> Value {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        text.extend_from_slice(&part[..length]);
        if let Ok(value) = serde_json::from_slice(&text) {
            return value;
        }
    }
}

async fn say(stream: &mut TcpStream, value: &Value) {
    stream
        .write_all(value.to_string().as_bytes())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_or_nonsense_is_silent_within_the_limit() {
    let texts: [&'static [u8]; 6] = [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n{}",
        b"{\"id\": 7, \"result\": [], \"error\": null}",
        b"{\"id\": 1, \"result\": [{\"rows\": []}], \"error\": null}",
        b"{\"id\": 1, \"result\": [{\"rows\": [7]}, {\"rows\": []}], \"error\": null}",
        b"{\"id\": null, \"method\": \"update\", \"params\": []}",
    ];
    for text in texts {
        let outcome = park_with(async |stream| stream.write_all(text).await.unwrap()).await;
        assert!(
            matches!(outcome, Err(Error::SwitchSilent { .. })),
            "{}: {outcome:?}",
            String::from_utf8_lossy(text)
        );
    }
}

#[tokio::test]
async fn a_message_without_end_is_not_kept() {
    let outcome = park_with(async |stream| {
        let part = vec![b'['; 1 << 20];
        while stream.write_all(&part).await.is_ok() {}
    })
    .await;
    let Err(Error::SwitchSilent {
        source: Some(source),
        ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(source.to_string().contains("more than"), "{source}");
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let (switch, server) = facing(async |_| {}).await;
    drop(server); // And with it the port that it listens on.
    let outcome = switch.ports().await;
    assert!(
        matches!(outcome, Err(Error::SwitchSilent { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_echo_is_answered_before_the_reply_is_awaited_on() {
    let outcome = park_with(async |stream| {
        let asked = request(stream).await;
        say(
            stream,
            &json!({ "id": "echo", "method": "echo", "params": ["still there?"] }),
        )
        .await;
        let answer = request(stream).await;
        assert_eq!(answer["id"], "echo");
        assert_eq!(answer["result"], json!(["still there?"]));
        let gone = json!([{ "rows": [] }, { "rows": [] }]);
        say(
            stream,
            &json!({ "id": asked["id"], "result": gone, "error": null }),
        )
        .await;
    })
    .await;
    let Err(Error::SwitchRefused { reason, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason, "there is no bridge lan");
}

/// The reply to the look at a bridge with its two ports unconfigured.
fn unconfigured() -> Value {
    let none = json!(["set", []]);
    let port = |uuid: &str, name: &str| {
        json!({
            "_uuid": ["uuid", uuid], "name": name, "interfaces": ["uuid", name], "tag": none,
            "trunks": none, "vlan_mode": none, "cvlans": none, "protected": false
        })
    };
    let ports = json!(["set", [["uuid", "a"], ["uuid", "b"]]]);
    json!([
        { "rows": [{ "ports": ports, "controller": none }] },
        { "rows": [port("a", "p1"), port("b", "p2")] }
    ])
}

#[tokio::test]
async fn a_refused_transaction_is_a_refusal_in_the_servers_words() {
    let failed = json!({ "error": "constraint violation", "details": "tag 5000" });
    let outcome = park_with_results([unconfigured(), json!([{}, failed, null])]).await;
    let Err(Error::SwitchRefused {
        reason, try_again, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason, "constraint violation: tag 5000");
    assert!(!try_again);
}

#[tokio::test]
async fn a_commit_that_failed_after_all_its_operations_is_a_refusal_that_may_pass() {
    let failed = json!({ "error": "I/O error", "details": "disk full" });
    let results = json!([{}, { "count": 1 }, failed]);
    let error = park_with_results([unconfigured(), results])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SwitchRefused { .. }), "{error:?}");
    assert!(error.try_again());
}

#[tokio::test]
async fn an_update_that_matched_no_row_is_no_success() {
    let outcome = park_with_results([unconfigured(), json!([{}, { "count": 0 }])]).await;
    assert!(
        matches!(outcome, Err(Error::SwitchSilent { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_fails_after_the_change_is_silence_since_the_change_was_made() {
    let failed = json!([{ "error": "resources exhausted", "details": "" }, null]);
    let done = json!([{}, { "count": 1 }]);
    let outcome = park_with_results([unconfigured(), done, failed]).await;
    assert!(
        matches!(outcome, Err(Error::SwitchSilent { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn others_that_never_let_us_through_end_the_call() {
    let raced = json!([{ "error": "timed out", "details": "" }, null]);
    let results = [unconfigured(), raced].into_iter().cycle().take(2 * TRIES);
    let error = park_with_results(results).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::SwitchRefused {
                try_again: true,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_daemon_that_does_not_follow_is_silent_within_the_limit() {
    let done = json!([{}, { "count": 1 }]);
    let behind = json!([{ "count": 1 }, { "rows": [{ "next_cfg": 8, "cur_cfg": 7 }] }]);
    let outcome = park_with_results([unconfigured(), done, behind]).await;
    assert!(
        matches!(outcome, Err(Error::SwitchSilent { .. })),
        "{outcome:?}"
    );
}
