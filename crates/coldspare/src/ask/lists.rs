//! Lists of sessions that arrays are just being asked for: a thousand servers that fall silent
//! together are asked about together, and each array is asked once, not a thousand times.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use coldspare_names::{ArrayName, Time};
use coldspare_san::{Array, LastWrite};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

/// One array's sessions by where they come from: when each last wrote, and when it was opened.
pub(super) type List = BTreeMap<IpAddr, Vec<(LastWrite, Option<Time>)>>;

type Listing = BoxFuture<'static, Option<Arc<List>>>;

/// The lists that arrays are being asked for, and since when.
#[derive(Default)]
pub struct Lists(Mutex<BTreeMap<ArrayName, (Time, WeakShared<Listing>)>>);

impl Lists {
    /// An array's sessions, listed no earlier than it was asked; none if it does not say. Whoever
    /// asks may give up at any time.
    pub(super) fn of(
        &self,
        name: &ArrayName,
        array: &Arc<dyn Array>,
        asked: Time,
        now: Time,
    ) -> Shared<Listing> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = lists.get(name).filter(|(begun, _)| *begun >= asked);
        let going_on = begun.and_then(|(_, list)| list.upgrade());
        if let Some(list) = going_on.filter(|list| list.peek().is_none()) {
            return list;
        }
        let list = list(array.clone()).boxed().shared();
        lists.extend(list.downgrade().map(|list| (name.clone(), (now, list))));
        list
    }
}

async fn list(array: Arc<dyn Array>) -> Option<Arc<List>> {
    let mut list = List::new();
    for session in array.sessions().await.ok()? {
        let from_there = list.entry(session.source).or_default();
        from_there.push((session.last_write, session.opened));
    }
    Some(Arc::new(list))
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use coldspare_san::SecretKey;
    use coldspare_san::memory::{MemoryArray, Traps};

    use super::*;

    fn array(latency: Duration) -> (ArrayName, Arc<dyn Array>) {
        let name: ArrayName = "ps6110".parse().unwrap();
        let (key, traits) = (SecretKey::new([7; 32]), MemoryArray::TRAITS);
        let array = MemoryArray::new(name.clone(), [], key, traits);
        array.set_traps(Traps {
            latency,
            ..Traps::default()
        });
        (name, Arc::new(array))
    }

    fn second(number: u64) -> Time {
        Time::after_epoch(Duration::from_secs(number))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_an_array_is_asked_is_told_the_same() {
        let (name, array) = array(Duration::from_secs(1));
        let lists = Lists::default();
        let one = lists.of(&name, &array, second(1), second(2));
        let other = lists.of(&name, &array, second(2), second(2));
        assert!(one.ptr_eq(&other));
        assert_eq!(one.await, Some(Arc::default()));
        assert_eq!(other.await, Some(Arc::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_what_was_looked_up_before_it_was_asked() {
        let (name, array) = array(Duration::from_secs(1));
        let lists = Lists::default();
        let begun = lists.of(&name, &array, second(1), second(1));
        let later = lists.of(&name, &array, second(2), second(2));
        assert!(!begun.ptr_eq(&later));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_complete_is_not_told_again() {
        let (name, array) = array(Duration::ZERO);
        let lists = Lists::default();
        let complete = lists.of(&name, &array, second(1), second(1));
        assert_eq!(complete.clone().await, Some(Arc::default()));
        let next = lists.of(&name, &array, second(1), second(1));
        assert!(!complete.ptr_eq(&next));
    }
}
