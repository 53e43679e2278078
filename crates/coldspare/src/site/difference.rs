//! What changes when one site takes the place of another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Site;
use super::error::KeyPath;

/// One difference between two sites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What differs, as the site itself is laid out.
    pub key: KeyPath,
    /// What it was; nothing if it was added.
    pub old: Option<Value>,
    /// What it is to be; nothing if it was removed.
    pub new: Option<Value>,
}

/// `+ key = new`, `- key = old`, `~ key = old -> new`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "~ {key} = {old} -> {new}"),
            (Some(old), None) => write!(f, "- {key} = {old}"),
            (None, Some(new)) => write!(f, "+ {key} = {new}"),
            (None, None) => write!(f, "  {key}"),
        }
    }
}

impl Site {
    /// What is different in `new`: what was added, removed and changed, each with its key. Empty
    /// if and only if the sites are equal.
    pub fn difference(&self, new: &Self) -> Vec<Change> {
        let (mut old, mut new) = (self.clone(), new.clone());
        // A large site is mostly as it was, and takes many times its size as a tree.
        leave_out_equal(&mut old.servers, &mut new.servers);
        leave_out_equal(&mut old.personas, &mut new.personas);
        for (name, old) in &mut old.arrays {
            if let Some(new) = new.arrays.get_mut(name) {
                leave_out_equal(&mut old.volumes, &mut new.volumes);
            }
        }
        let tree = |site: Self| serde_json::to_value(site).unwrap_or_default();
        let mut changes = Vec::new();
        compare(
            KeyPath::default(),
            Some(tree(old)),
            Some(tree(new)),
            &mut changes,
        );
        changes
    }
}

fn leave_out_equal<Name: Ord, Item: PartialEq>(
    old: &mut BTreeMap<Name, Item>,
    new: &mut BTreeMap<Name, Item>,
) {
    old.retain(|name, old| {
        let is_equal = new.get(name) == Some(old);
        if is_equal {
            new.remove(name);
        }
        !is_equal
    });
}

fn compare(key: KeyPath, old: Option<Value>, new: Option<Value>, changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let named = |map: serde_json::Map<_, _>| map.into_iter().collect();
            compare_named(&key, named(old), named(new), changes);
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            match (by_name(&old), by_name(&new)) {
                (Some(old), Some(new)) => compare_named(&key, old, new, changes),
                _ => changes.push(Change {
                    key,
                    old: Some(readable(old.into())),
                    new: Some(readable(new.into())),
                }),
            }
        }
        (old, new) => changes.push(Change {
            key,
            old: old.map(readable),
            new: new.map(readable),
        }),
    }
}

type Named = BTreeMap<String, Value>;

fn compare_named(key: &KeyPath, mut old: Named, mut new: Named, changes: &mut Vec<Change>) {
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    for name in names {
        let key = key.then(name.as_str());
        compare(key, old.remove(&name), new.remove(&name), changes);
    }
}

/// A list of things that have names, each under its name.
fn by_name(list: &[Value]) -> Option<Named> {
    let name = |item: &Value| Some((item.get("name")?.as_str()?.to_owned(), item.clone()));
    let named: Option<Named> = list.iter().map(name).collect();
    named.filter(|named| named.len() == list.len())
}

/// MAC addresses as people write them, and not as six numbers.
fn readable(value: Value) -> Value {
    match serde_json::from_value::<MacAddr6>(value.clone()) {
        Ok(mac) => mac.to_string().into(),
        Err(_) => value,
    }
}
