//! A site that is longer than a value of a store, under a real controller.

use std::collections::BTreeMap;
use std::fs;

use coldspare_store::{Entry, Key, Prefix, Store, Txn, Value};

use super::process::Place;

#[path = "../../benches/control_plane/site.rs"]
#[allow(dead_code, reason = "the benches use the rest")]
mod site;

/// Many servers, and few personas.
const SIZE: site::Size = site::Size {
    pools: 8,
    homes: 1,
    spares: 199,
    arrays: 1,
};

/// Records a large site, reads it back, and has another one take its place.
pub(crate) fn is_kept(place: &Place) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("site.toml");
    let file = file.to_str().unwrap();
    let text = SIZE.text();
    fs::write(file, &text).unwrap();
    let knows_all = || {
        let status = place.ask(0, &["status"]);
        let last = format!("server-{}", SIZE.servers() - 1);
        assert!(status.contains(&last), "{status}");
    };

    let mut controller = place.start(&["--site", file]);
    knows_all();
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());

    let mut controller = place.start(&[]);
    knows_all();
    fs::write(file, text.replace("vlan = 103", "vlan = 203")).unwrap();
    let applied = place.ask(0, &["apply", file]);
    assert!(
        applied.contains("networks.mapi.vlan = 103 -> 203"),
        "{applied}"
    );
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());

    let _controller = place.start(&["--site", file]);
    assert_eq!(
        place.ask(0, &["apply", "--show", file]),
        "nothing differs\n"
    );
}

/// That the store has the parts of one site, and no others.
pub(crate) async fn is_kept_once(store: &dyn Store) {
    let site = Key::new("record/site").unwrap();
    let contents = store.get(&site).await.unwrap().unwrap().value;
    let contents: serde_json::Value = serde_json::from_slice(contents.bytes()).unwrap();
    let parts = parts(store).await;
    assert_eq!(parts.len(), contents["parts"].as_array().unwrap().len());
    let long: usize = parts.values().map(|part| part.value.bytes().len()).sum();
    assert!(long > Value::LONGEST, "{long}");
}

/// The parts of sites that the store has.
pub(crate) async fn parts(store: &dyn Store) -> BTreeMap<Key, Entry> {
    let below = Prefix::below(&Key::new("record/site").unwrap());
    store.list(&below).await.unwrap().entries
}

/// Spoils a part of the site, and says which.
pub(crate) async fn spoil_a_part(store: &dyn Store) -> Key {
    let (key, _) = parts(store).await.pop_last().unwrap();
    let spoilt = Txn::new().put(key.clone(), Value::new("{}").unwrap());
    store.commit(&spoilt).await.unwrap();
    key
}
