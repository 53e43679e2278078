use std::time::Duration;

use coldspare_exchange::DagControl;
use coldspare_exchange::memory::{Settings, SimulatedCluster};
use coldspare_names::Time;
use coldspare_network::memory::MemoryGuest;
use coldspare_network::{Link, guest_plan};

use super::*;
use crate::test_world::{persona, server, white_paper};

#[tokio::test]
async fn the_first_look_tells_nothing_and_each_later_one_only_what_changed() {
    let dag = white_paper().dags.pop_first().unwrap().1.dag;
    let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap();
    let mut seen = GroupSeen::default();
    let mut look = async || {
        let (dag, copies) = (
            cluster.dag().await.unwrap(),
            cluster.copies().await.unwrap(),
        );
        seen.look(&dag, &copies)
    };
    assert_eq!(look().await, []);
    assert_eq!(look().await, []);
    cluster.member_down(&"exchange-1".parse().unwrap()).unwrap();
    cluster.advance(Time::after_epoch(Duration::from_mins(2)));
    let told = look().await;
    let activated: Vec<_> = told
        .iter()
        .filter(|event| event.event == What::DatabaseActivated)
        .map(|event| event.about.to_string())
        .collect();
    assert_eq!(activated, ["database Database-1, member exchange-2"]);
    assert!(told.iter().any(|event| event.event == What::CopyStatus));
    assert_eq!(look().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_changes_its_channel_is_told_and_so_is_its_return() {
    let site = white_paper();
    let cabling = site.cabling(&server(1));
    let macs: Vec<_> = cabling.iter().map(|(_, cable)| cable.mac).collect();
    let guest = MemoryGuest::new(persona(1), macs.clone());
    let connections = &site.personas[&persona(1)].connections;
    let plan = guest_plan(connections, &site.networks, &cabling).unwrap();
    guest.set_plan(&plan).await.unwrap();

    let (events, mut told) = mpsc::unbounded_channel();
    let clock = Clock::showing(Time::EPOCH);
    let watched: Arc<dyn Guest> = Arc::new(guest.clone());
    let watching = tokio::spawn(watch_channels(persona(1), watched, clock, events));
    tokio::time::sleep(EVERY * 2).await;
    assert!(told.try_recv().is_err());

    let mut changes = Vec::new();
    for link in [Link::Down, Link::Up] {
        guest.set_link(macs[2], link);
        let Told { at, event } = told.recv().await.unwrap();
        assert!(at <= clock.now());
        changes.push((event.about.to_string(), event.reason.unwrap()));
    }
    let mapi = |channel: u8, before: u8| {
        let about = format!("persona exchange-1, network mapi, channel {channel}");
        (about, format!("from channel {before}"))
    };
    assert_eq!(changes, [mapi(4, 3), mapi(3, 4)]);
    drop(told);
    guest.set_link(macs[2], Link::Down);
    watching.await.unwrap();
}
