use coldspare_store::{MemoryStore, Outcome, Prefix, Put, Store};
use proptest::prelude::*;

use super::*;
use crate::record::{commit, load};
use crate::test_world::{two_spares, white_paper};

/// A record with such parts, and with more that do not count.
fn recorded(parts: &SiteParts, others: &SiteParts) -> Listing {
    let txn = SiteOnRecord::default().replaced_by(parts, Txn::new());
    let commits = [others.commits(), parts.commits(), vec![txn]].concat();
    let mut listing = Listing::default();
    for (key, put) in commits.iter().flat_map(Txn::changes) {
        if let Put::Value(value) = put {
            let (value, revision) = (value.clone(), Revision::NONE);
            let entry = Entry { value, revision };
            listing.entries.insert(key.clone(), entry);
        }
    }
    listing
}

fn read(listing: &Listing) -> Result<Vec<u8>, String> {
    whole(listing, &listing.entries[SITE])
}

proptest! {
    #[test]
    fn whatever_was_cut_is_read_whole_and_nothing_that_is_damaged_is_read(
        bytes in proptest::collection::vec(any::<u8>(), 1..200),
        others in proptest::collection::vec(any::<u8>(), 0..50),
        longest in 1_usize..80,
        damaged in any::<prop::sample::Index>(),
    ) {
        let parts = SiteParts::of_bytes(&bytes, longest).unwrap();
        let others = SiteParts::of_bytes(&others, longest).unwrap();
        prop_assert!(parts.parts.iter().all(|(_, part)| part.bytes().len() <= longest));
        let listing = recorded(&parts, &others);
        prop_assert_eq!(read(&listing), Ok(bytes));

        let (key, part) = damaged.get(&parts.parts);
        let mut without = listing.clone();
        without.entries.remove(key);
        let reason = read(&without).unwrap_err();
        prop_assert_eq!(reason, format!("its part {key} is missing"));
        for spoilt in [&part.bytes()[1..], &[part.bytes(), &[0]].concat()] {
            let mut listing = listing.clone();
            let entry = listing.entries.get_mut(key).unwrap();
            entry.value = Value::new(spoilt).unwrap();
            let reason = read(&listing).unwrap_err();
            prop_assert_eq!(reason, format!("its part {key} is damaged"));
        }
    }
}

#[test]
fn what_names_the_parts_is_not_guessed_at() {
    let parts = SiteParts::of(&white_paper()).unwrap();
    let mut listing = recorded(&parts, &parts);
    assert_eq!(site_of(&listing), Ok(Some(white_paper())));
    let entry = listing.entries.get_mut(&parts.key).unwrap();
    entry.value = Value::new(r#"{"name":"formerly"}"#).unwrap();
    let reason = site_of(&listing).unwrap_err();
    assert!(
        reason.starts_with("the site on record cannot be read: its parts are not known"),
        "{reason}"
    );
}

/// The site in parts of that length.
fn cut(site: &Site, longest: usize) -> SiteParts {
    SiteParts::of_bytes(&serde_json::to_vec(site).unwrap(), longest).unwrap()
}

/// Whoever records a site dies before or after each of its commits, and another one is recorded
/// after that.
#[tokio::test]
async fn whoever_dies_amid_the_commits_of_a_site_leaves_a_whole_one_and_no_parts_for_ever() {
    let (former, new, next) = (
        cut(&white_paper(), 2000),
        cut(&two_spares(), 1500),
        cut(&white_paper(), 999),
    );
    for former in [None, Some(former)] {
        let most = new.commits().len() + 1;
        assert!(most > 3);
        for made in 0..=most {
            let store = MemoryStore::new();
            if let Some(former) = &former {
                record(&store, former, usize::MAX).await;
            }
            record(&store, &new, made).await;
            let counts = if made == most {
                Some(two_spares())
            } else {
                former.as_ref().map(|_| white_paper())
            };
            let loaded = load(&store, &[]).await.unwrap();
            assert_eq!(site_of(&loaded.record), Ok(counts), "{made}");

            record(&store, &next, usize::MAX).await;
            let below = Prefix::below(&next.key);
            let kept = store.list(&below).await.unwrap().entries;
            let all = next.parts.iter().map(|(key, _)| key);
            assert!(kept.keys().eq(all.collect::<BTreeSet<_>>()), "{made}");
        }
    }
}

/// Records a site, and dies when so many commits are made.
async fn record(store: &MemoryStore, parts: &SiteParts, dies_after: usize) {
    let loaded = load(store, &[]).await.unwrap();
    let found = SiteOnRecord::in_record(&loaded.record);
    let txn = found.replaced_by(parts, Txn::new());
    let commits = [parts.commits(), vec![txn]].concat();
    let made = commits.into_iter().take(dies_after).collect::<Vec<_>>();
    let Some((last, before)) = made.split_last() else {
        return;
    };
    let outcome = commit(store, before, last).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
}

#[tokio::test]
async fn who_knows_an_older_site_replaces_none_though_its_parts_are_there_no_more() {
    let store = MemoryStore::new();
    let nothing = SiteOnRecord::default();
    let (late, first) = (cut(&white_paper(), 2000), cut(&two_spares(), 2000));
    record(&store, &late, 2).await;
    record(&store, &first, usize::MAX).await;
    let txn = nothing.replaced_by(&late, Txn::new());
    let outcome = commit(&store, &[], &txn).await.unwrap();
    assert!(matches!(outcome, Outcome::Conflict(_)), "{outcome:?}");
}
