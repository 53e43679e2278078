//! What passes a port, both ways, and what does not.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use coldspare_network::{Membership, Switch, SwitchPlan, Trunk, VlanId, park};

use super::frames::{Nic, travel};
use super::world::{MANAGED, UPLINK, VLANS, World, port};
use super::{access, vlan};

/// The tags that a host may try, right or wrong.
const TAGS: [Option<u16>; 9] = [
    None,
    Some(0),
    Some(1),
    Some(101),
    Some(102),
    Some(103),
    Some(4004),
    Some(4000),
    Some(4095),
];

struct Hosts {
    server: Nic,
    other: Nic,
    uplink: Nic,
    world: Vec<(u16, Nic)>,
}

impl Hosts {
    fn new(world: &World) -> Self {
        let nic = |name: &str| Nic::new(&world.namespace, &format!("h{name}"));
        Self {
            server: nic(MANAGED[0]),
            other: nic(MANAGED[1]),
            uplink: nic(UPLINK),
            world: VLANS.map(|vlan| (vlan, nic(&format!("v{vlan}")))).into(),
        }
    }

    /// In which VLANs the server hears the world.
    async fn heard(&self) -> BTreeSet<u16> {
        self.server.heard();
        for (vlan, speaker) in &self.world {
            speaker.send(None, *vlan);
        }
        travel().await;
        self.server.heard().into_iter().collect()
    }

    /// In which VLAN of the world, and whether at the other server, a frame of the server arrives.
    async fn reaches(&self, tag: Option<u16>) -> (BTreeSet<u16>, bool) {
        let all = || self.world.iter().map(|(_, nic)| nic).chain([&self.other]);
        all().for_each(|nic| drop(nic.heard()));
        self.server.send(tag, 7);
        travel().await;
        let arrived = self.world.iter().filter(|(_, nic)| !nic.heard().is_empty());
        let arrived = arrived.map(|(vlan, _)| *vlan).collect();
        (arrived, !self.other.heard().is_empty())
    }
}

fn memberships() -> [Membership; 6] {
    let trunk = |tagged: &[u16], native: Option<u16>| {
        let tagged = tagged.iter().copied().map(vlan).collect();
        Membership::Trunk(Trunk::new(tagged, native.map(vlan)).unwrap())
    };
    [
        access(101),
        trunk(&[101, 102], None),
        trunk(&[102], Some(103)),
        trunk(&[], Some(101)),
        trunk(&[4004], None),
        Membership::Parked,
    ]
}

#[tokio::test]
async fn a_port_passes_what_it_must_and_nothing_else_at_once_and_both_ways() {
    let Some(world) = World::new("traffic through ports") else {
        return;
    };
    let (switch, hosts) = (world.switch(), Hosts::new(&world));
    for membership in memberships() {
        let wanted = SwitchPlan::from([
            (port(MANAGED[0]), membership.clone()),
            (port(MANAGED[1]), Membership::Parked),
        ]);
        switch.set_ports(&[].into(), &wanted).await.unwrap();
        let passes = VLANS
            .into_iter()
            .filter(|&number| membership.passes(vlan(number)));
        assert_eq!(
            hosts.heard().await,
            passes.collect(),
            "heard behind {membership:?}"
        );
        for tag in TAGS {
            let untagged = tag.is_none_or(|tag| tag == 0);
            let arrives = match &membership {
                Membership::Parked => None,
                Membership::Access(vlan) => untagged.then_some(vlan.number()),
                Membership::Trunk(trunk) if untagged => trunk.native().map(VlanId::number),
                Membership::Trunk(_) => {
                    tag.filter(|&tag| VLANS.contains(&tag) && membership.passes(vlan(tag)))
                }
            };
            let reached = hosts.reaches(tag).await;
            let expected = (arrives.into_iter().collect(), false);
            assert_eq!(reached, expected, "sent with {tag:?} behind {membership:?}");
        }
    }
}

#[tokio::test]
async fn parked_servers_are_alone_even_on_the_parking_vlan() {
    let Some(world) = World::new("traffic between parked ports") else {
        return;
    };
    let (switch, hosts) = (world.switch(), Hosts::new(&world));
    let (_, reached) = hosts.reaches(None).await;
    assert!(reached, "before, ports pass everything");
    park(&switch, &MANAGED.map(port).into()).await.unwrap();
    for tag in TAGS {
        assert_eq!(
            hosts.reaches(tag).await,
            (BTreeSet::new(), false),
            "{tag:?}"
        );
        hosts.uplink.heard();
        hosts.server.send(tag, 7);
        travel().await;
        // The uplink passes every VLAN: only what no host may send gets that far.
        let at_the_uplink = !hosts.uplink.heard().is_empty();
        assert_eq!(at_the_uplink, tag == Some(4095), "{tag:?}");
    }
}

#[tokio::test]
async fn a_persona_hears_its_networks_with_their_tags() {
    let Some(world) = World::new("tags on the wire") else {
        return;
    };
    let (switch, hosts) = (world.switch(), Hosts::new(&world));
    let tagged = [102, 4004].map(vlan).into();
    let trunk = Membership::Trunk(Trunk::new(tagged, Some(vlan(103))).unwrap());
    let wanted = SwitchPlan::from([(port(MANAGED[0]), trunk)]);
    switch.set_ports(&[].into(), &wanted).await.unwrap();
    let interface = format!("h{}", MANAGED[0]);
    let mut command = world.inside("tcpdump");
    command.args(["-i", &interface, "-Z", "root", "-e", "-nn", "-l", "-c", "3"]);
    command.args(["ether", "src", "02:00:00:00:00:09"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut capture = command.spawn().unwrap();
    let said = BufReader::new(capture.stderr.take().unwrap());
    assert!(
        said.lines()
            .any(|line| line.unwrap().contains("listening on"))
    );
    for (_, speaker) in &hosts.world {
        speaker.send(None, 7);
    }
    let lines = BufReader::new(capture.stdout.take().unwrap()).lines();
    let frames = lines
        .map(Result::unwrap)
        .filter(|line| line.contains("ethertype"));
    let mut tags: Vec<_> = frames.map(|line| tag_of(&line)).collect();
    capture.wait().unwrap();
    tags.sort_unstable();
    assert_eq!(tags, [None, Some(102), Some(4004)], "103 is native");
}

/// The tag in a line of `tcpdump -e`.
fn tag_of(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once(": vlan ")?;
    rest.split(',').next()?.parse().ok()
}
