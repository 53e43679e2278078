//! What arrays and switches are just being asked for: a thousand servers that fall silent together
//! are asked about together, and each device is asked once, not a thousand times.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use coldspare_names::{ArrayName, PortName, SwitchName, Time};
use coldspare_network::{Link, Switch};
use coldspare_san::{Array, LastWrite};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

/// One array's sessions by where they come from: when each last wrote, and when it was opened.
pub(super) type Sessions = BTreeMap<IpAddr, Vec<(LastWrite, Option<Time>)>>;

/// The link of each of a switch's ports.
pub(super) type Links = BTreeMap<PortName, Link>;

/// What a device lists; none if it does not say.
type Listing<List> = BoxFuture<'static, Option<Arc<List>>>;

/// The lists that devices are being asked for. Each is listed no earlier than it was asked for;
/// whoever asks may give up at any time.
#[derive(Default)]
pub struct Lists {
    sessions: UnderWay<ArrayName, Sessions>,
    links: UnderWay<SwitchName, Links>,
}

impl Lists {
    /// An array's sessions.
    pub(super) fn sessions(
        &self,
        name: &ArrayName,
        array: &Arc<dyn Array>,
        asked: Time,
        now: Time,
    ) -> Shared<Listing<Sessions>> {
        let list = || sessions(array.clone()).boxed();
        self.sessions.of(name, (asked, now), list)
    }

    /// The links of a switch's ports.
    pub(super) fn links(
        &self,
        name: &SwitchName,
        switch: &Arc<dyn Switch>,
        asked: Time,
        now: Time,
    ) -> Shared<Listing<Links>> {
        let list = || links(switch.clone()).boxed();
        self.links.of(name, (asked, now), list)
    }
}

/// The lists of one kind that are under way.
struct UnderWay<Name, List>(Mutex<BTreeMap<Name, Begun<List>>>);

/// A list that somebody waits for, and since when.
type Begun<List> = (Time, WeakShared<Listing<List>>);

impl<Name, List> Default for UnderWay<Name, List> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Name: Ord + Clone, List> UnderWay<Name, List> {
    fn of(
        &self,
        name: &Name,
        (asked, now): (Time, Time),
        list: impl FnOnce() -> Listing<List>,
    ) -> Shared<Listing<List>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = lists.get(name).filter(|(begun, _)| *begun >= asked);
        let going_on = begun.and_then(|(_, list)| list.upgrade());
        if let Some(list) = going_on.filter(|list| list.peek().is_none()) {
            return list;
        }
        let list = list().shared();
        lists.extend(list.downgrade().map(|list| (name.clone(), (now, list))));
        list
    }
}

async fn sessions(array: Arc<dyn Array>) -> Option<Arc<Sessions>> {
    let mut list = Sessions::new();
    for session in array.sessions().await.ok()? {
        let from_there = list.entry(session.source).or_default();
        from_there.push((session.last_write, session.opened));
    }
    Some(Arc::new(list))
}

async fn links(switch: Arc<dyn Switch>) -> Option<Arc<Links>> {
    let ports = switch.ports().await.ok()?.into_iter();
    Some(Arc::new(
        ports.map(|(port, status)| (port, status.link)).collect(),
    ))
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
        let one = lists.sessions(&name, &array, second(1), second(2));
        let other = lists.sessions(&name, &array, second(2), second(2));
        assert!(one.ptr_eq(&other));
        assert_eq!(one.await, Some(Arc::default()));
        assert_eq!(other.await, Some(Arc::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_what_was_looked_up_before_it_was_asked() {
        let (name, array) = array(Duration::from_secs(1));
        let lists = Lists::default();
        let begun = lists.sessions(&name, &array, second(1), second(1));
        let later = lists.sessions(&name, &array, second(2), second(2));
        assert!(!begun.ptr_eq(&later));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_complete_is_not_told_again() {
        let (name, array) = array(Duration::ZERO);
        let lists = Lists::default();
        let complete = lists.sessions(&name, &array, second(1), second(1));
        assert_eq!(complete.clone().await, Some(Arc::default()));
        let next = lists.sessions(&name, &array, second(1), second(1));
        assert!(!complete.ptr_eq(&next));
    }
}
