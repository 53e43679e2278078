use std::collections::BTreeSet;

use coldspare_names::PortId;
use coldspare_network::memory::Fault;
use coldspare_san::memory::MemoryArray;

use super::*;
use crate::test_world::{World, white_paper};

async fn ports_of(world: &World, server: &ServerName) -> Ports {
    let ask = Ask::Witness {
        server: server.clone(),
        question: Question::Ports,
        asked: Time::EPOCH,
    };
    let clock = Clock::showing(Time::EPOCH);
    let lists = Lists::default();
    let answered = answer(&world.devices, &world.site, clock, &lists, ask).await;
    match answered {
        Answered::Witness { testimony, .. } => match testimony.answer {
            Answer::Ports(ports) => ports,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_switches_are_asked_whether_a_server_is_plugged_in() {
    let world = World::idle(white_paper(), MemoryArray::TRAITS);
    let server: ServerName = "r720-1".parse().unwrap();
    let nics = world.site.servers[&server].server.nics.values();
    let cables: Vec<PortId> = nics.map(|nic| nic.cable.clone()).collect();
    let plug = |cable: &PortId, plugged| {
        world.switches[&cable.switch].set_cabled(&cable.port, plugged);
    };
    assert_eq!(ports_of(&world, &server).await, Ports::Up);

    for cable in &cables {
        plug(cable, false);
    }
    assert_eq!(ports_of(&world, &server).await, Ports::Down);
    plug(&cables[0], true);
    assert_eq!(ports_of(&world, &server).await, Ports::Up);
    plug(&cables[0], false);

    let switches: BTreeSet<_> = cables.iter().map(|cable| &cable.switch).collect();
    assert!(switches.len() > 1, "one switch cannot be silent alone");
    world.switches[&cables[0].switch].set_fault(Some(Fault::Silent));
    assert_eq!(ports_of(&world, &server).await, Ports::NoAnswer);
    let other = cables.iter().find(|cable| cable.switch != cables[0].switch);
    plug(other.unwrap(), true);
    assert_eq!(ports_of(&world, &server).await, Ports::Up);
}
