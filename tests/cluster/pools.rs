//! Pools that are looked after by themselves, each by controllers of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Engine;
use super::member::Member;
use super::process::Asker;

const LEASE: Duration = Duration::from_secs(3);

/// The servers that a controller looks after.
fn servers(asker: &mut Asker) -> Vec<String> {
    let status = asker.ask(&json!({"verb": "status"})).unwrap();
    let servers = status["reply"]["status"]["servers"].as_array().unwrap();
    let names = servers.iter().map(|it| it["server"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

fn in_maintenance(asker: &mut Asker, server: &str) -> Value {
    let request = json!({"verb": "maintenance", "server": server, "on": true});
    asker.ask(&request).unwrap()["reply"].take()
}

#[test]
fn each_pool_has_a_leader_of_its_own_and_no_server_has_two() {
    let Some(engine) = Engine::start() else {
        return;
    };
    let of_pool = |name, pool| Member::new(&engine, name, LEASE).of_pool(pool);
    let mut exchange = ["a", "b"].map(|name| of_pool(name, "exchange"));
    let mut laboratory = of_pool("c", "laboratory");
    exchange[0].begin();
    let (mut a, _) = exchange[0].leads();
    exchange[1].begin();
    exchange[1].follows("a leads");
    laboratory.begin();
    let (mut c, _) = laboratory.leads();
    assert_eq!(servers(&mut a), ["r720-1", "r720-2", "r720-3"]);
    assert_eq!(servers(&mut c), ["t110-1"]);

    // Nobody leads the one, and the other goes on.
    exchange[0].process().kill();
    assert!(in_maintenance(&mut c, "t110-1")["accepted"].is_string());
    let (mut b, took) = exchange[1].leads();
    assert!(took <= LEASE + Duration::from_secs(1), "{took:?}");
    assert!(in_maintenance(&mut b, "r720-1")["accepted"].is_string());
    let refused = in_maintenance(&mut b, "t110-1");
    assert!(refused["refused"].is_string(), "{refused}");

    let all = Member::new(&engine, "d", LEASE).begin_in_vain();
    assert!(
        all.contains("each pool by itself, not all pools together"),
        "{all}"
    );
    let unknown = of_pool("e", "exchanges").begin_in_vain();
    assert!(
        unknown.contains("its pools: exchange, laboratory"),
        "{unknown}"
    );
}
