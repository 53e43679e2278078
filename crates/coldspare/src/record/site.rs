//! The site as it is kept: in parts, since it may be longer than a value of a store.
//!
//! A part lies below `record/site/` under the digest of its bytes. Alone it is nothing, and it may be
//! put there any number of times. The entry `record/site` names the parts of the site that counts, in
//! order. Only the commit that sets this entry deletes parts, those of others; so whoever knows the
//! entry, then puts parts, and then sets the entry as it was known, has them all there.

use std::collections::BTreeSet;

use coldspare_store::{Entry, Expected, Key, Listing, Revision, Txn, Value};
use serde::{Deserialize, Serialize};

use crate::site::Site;

/// Where it is kept which site counts.
const SITE: &str = "record/site";
/// How many parts of others one commit deletes at most: what is left goes with a later one.
const MOST_DELETED: usize = Txn::MOST_KEYS / 2;

/// What `record/site` holds: the digests of the parts, in order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    parts: Vec<String>,
}

/// By which one site is told from another: the beginning of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteMark(u64);

impl SiteMark {
    fn of(contents: &Value) -> Self {
        let digest = blake3::hash(contents.bytes());
        let (beginning, _) = digest.as_bytes().split_at(size_of::<u64>());
        Self(
            beginning
                .iter()
                .fold(0, |mark, byte| mark << 8 | u64::from(*byte)),
        )
    }
}

/// A site, cut into parts.
#[derive(Debug, Clone)]
pub struct SiteParts {
    key: Key,
    contents: Value,
    parts: Vec<(Key, Value)>,
}

impl SiteParts {
    /// The parts of a site; or why it cannot be kept.
    pub fn of(site: &Site) -> Result<Self, String> {
        let bytes = serde_json::to_vec(site).map_err(|error| error.to_string())?;
        Self::of_bytes(&bytes, Value::LONGEST)
    }

    fn of_bytes(bytes: &[u8], longest: usize) -> Result<Self, String> {
        let mut names = Vec::new();
        let mut parts = Vec::new();
        for part in bytes.chunks(longest) {
            let name = digest(part);
            let key = Key::new(place_of(&name)).map_err(|error| error.to_string())?;
            let part = Value::new(part).map_err(|error| error.to_string())?;
            parts.push((key, part));
            names.push(name);
        }
        let contents = serde_json::to_vec(&Contents { parts: names });
        let contents = contents.map_err(|error| error.to_string())?;
        let contents = Value::new(contents).map_err(|error| error.to_string())?;
        let key = Key::new(SITE).map_err(|error| error.to_string())?;
        Ok(Self {
            key,
            contents,
            parts,
        })
    }

    /// The commits that put the parts there. None of them counts.
    pub fn commits(&self) -> Vec<Txn> {
        let parts = self.parts.iter().cloned();
        parts.map(|(key, part)| Txn::new().put(key, part)).collect()
    }
}

/// What the store has of sites.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteOnRecord {
    /// When the one that counts was recorded; `None`: there is none.
    revision: Option<Revision>,
    mark: Option<SiteMark>,
    /// All parts: its own, and what is left of others.
    parts: BTreeSet<Key>,
}

impl SiteOnRecord {
    /// What a record has of sites.
    pub fn in_record(record: &Listing) -> Self {
        let is_part = |key: &&Key| {
            let below = key.as_str().strip_prefix(SITE);
            below.is_some_and(|name| name.starts_with('/'))
        };
        let site = record.entries.get(SITE);
        Self {
            revision: site.map(|entry| entry.revision),
            mark: site.map(|entry| SiteMark::of(&entry.value)),
            parts: record.entries.keys().filter(is_part).cloned().collect(),
        }
    }

    /// What is there once these parts were recorded, at that revision.
    pub(crate) fn after(parts: &SiteParts, revision: Revision) -> Self {
        Self {
            revision: Some(revision),
            mark: Some(SiteMark::of(&parts.contents)),
            parts: parts.parts.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// When the one that counts was recorded.
    pub(crate) fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// Which one counts.
    pub(crate) fn mark(&self) -> Option<SiteMark> {
        self.mark
    }

    /// The commit, which then makes those parts the site on record, once they are
    /// [there](SiteParts::commits).
    #[must_use]
    pub fn replaced_by(&self, new: &SiteParts, txn: Txn) -> Txn {
        let expected = self.revision.map_or(Expected::Absent, Expected::At);
        let is_new = |key: &&Key| new.parts.iter().any(|(part, _)| part == *key);
        let others = self.parts.iter().filter(|key| !is_new(key));
        let txn = txn
            .expect(new.key.clone(), expected)
            .put(new.key.clone(), new.contents.clone());
        others
            .take(MOST_DELETED)
            .fold(txn, |txn, key| txn.delete(key.clone()))
    }
}

/// The site on record, if there is one; or why it cannot be read.
pub fn site_of(record: &Listing) -> Result<Option<Site>, String> {
    let Some(entry) = record.entries.get(SITE) else {
        return Ok(None);
    };
    let site = whole(record, entry)
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    site.map(|site: Site| Some(site.packed())).map_err(|reason| {
        format!(
            "the site on record cannot be read: {reason}; restore it, or delete the store's entry \
             {SITE} to have a site recorded anew"
        )
    })
}

fn whole(record: &Listing, entry: &Entry) -> Result<Vec<u8>, String> {
    let contents: Contents = serde_json::from_slice(entry.value.bytes())
        .map_err(|error| format!("its parts are not known: {error}"))?;
    let mut bytes = Vec::new();
    for name in &contents.parts {
        let key = place_of(name);
        let part = record.entries.get(key.as_str());
        let part = part.ok_or_else(|| format!("its part {key} is missing"))?;
        let part = part.value.bytes();
        if digest(part) != *name {
            return Err(format!("its part {key} is damaged"));
        }
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// Where a part is kept.
fn place_of(name: &str) -> String {
    format!("{SITE}/{name}")
}

fn digest(part: &[u8]) -> String {
    blake3::hash(part).to_string()
}

#[cfg(test)]
mod tests;
