use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use coldspare_bmc::Faults;
use coldspare_names::{ServerName, Time};

use super::bench::Bench;
use super::{LONG, SHORT};
use crate::ask::Ask;
use crate::event::What;
use crate::site::Site;
use crate::test_world::server;

/// Two pools alike: the first two servers of each wear a persona, the other two stand by. So many
/// failovers may run side by side in each.
fn two_pools_alike(budget: u8) -> Site {
    let mut text = r#"name = "many"
key = { env = "COLDSPARE_SITE_KEY" }
san-subnet = "10.0.5.0/24"
networks.scn = { kind = "system-control", vlan = 4004, subnet = "10.0.1.0/24", primary-channel = 1 }
switches.lan = { driver = "memory" }
arrays.san = { driver = "memory", portals = ["10.0.5.101"], volumes = { i1 = { gibibytes = 1 }, i2 = { gibibytes = 1 }, i5 = { gibibytes = 1 }, i6 = { gibibytes = 1 } } }
"#
    .to_owned();
    for pool in ["first", "second"] {
        writeln!(text, "pools.{pool}.simultaneous-failovers = {budget}").unwrap();
    }
    for number in 1..=8 {
        let pool = if number <= 4 { "first" } else { "second" };
        write!(
            text,
            r#"[servers.r720-{number}]
pool = "{pool}"
uuid = "8a1f6d2e-3c54-4b19-9e07-5d2c7f10b00{number}"
processors = 1
memory = "1 GiB"
boot-mode = "uefi"
bmc = {{ driver = "memory" }}
nics.1 = {{ mac = "00:00:5e:00:53:{number}1", speed = "1 Gb/s", switch = "lan", port = "{number}" }}
san-ports = [{{ mac = "00:00:5e:00:53:{number}5", address = "10.0.5.{number}", iscsi-boot = true }}]
"#
        )
        .unwrap();
        if [1, 2, 5, 6].contains(&number) {
            write!(
                text,
                r#"[personas.exchange-{number}]
pool = "{pool}"
home = "r720-{number}"
initiator = "iqn.2012-08.com.example:p{number}"
image = {{ array = "san", volume = "i{number}" }}
networking-enabled = false
connections.scn = "pool"
"#
            )
            .unwrap();
        }
    }
    Site::parse(&text, "many.toml").unwrap()
}

async fn ready(budget: u8) -> Bench {
    let mut bench = Bench::running(two_pools_alike(budget)).await;
    bench.run(SHORT).await;
    bench
}

/// Every commit takes a second, and of the second server it is known a moment later that it is off.
fn slow_down(bench: &mut Bench) {
    bench.commits_take = Duration::from_secs(1);
    bench.world.bmcs[&server(2)].set_faults(Faults {
        answer_after: Duration::from_millis(300),
        ..Faults::default()
    });
}

/// When this was told.
fn told(bench: &Bench, what: What) -> Vec<Time> {
    let told = bench.told.iter().filter(|told| told.event.event == what);
    told.map(|told| told.at).collect()
}

/// These servers lose their power at once, and all is made good. How many commits that takes.
async fn lose(bench: &mut Bench, servers: &[u8]) -> usize {
    let before = bench.commits;
    for number in servers {
        bench.lose_power(*number);
    }
    bench.run(LONG).await;
    assert_eq!(bench.count(What::Restored), servers.len());
    bench.commits - before
}

#[tokio::test(start_paused = true)]
async fn many_failovers_commit_as_often_as_the_same_one_by_one_and_wait_for_none() {
    let mut bench = ready(10).await;
    let one = lose(&mut bench, &[1]).await;
    let mut bench = ready(10).await;
    bench.commits_take = Duration::from_secs(1);
    let four = lose(&mut bench, &[1, 2, 5, 6]).await;
    assert_eq!(four, 4 * one);
    for what in [What::Verdict, What::Reserved, What::Fenced] {
        let moments: BTreeSet<_> = told(&bench, what).into_iter().collect();
        assert_eq!(moments.len(), 1, "{what:?}: {:#?}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_spare_that_is_just_being_reserved_is_nobody_elses() {
    let mut bench = ready(10).await;
    let one = lose(&mut bench, &[1]).await;
    let mut bench = ready(10).await;
    slow_down(&mut bench);
    let two = lose(&mut bench, &[1, 2]).await;
    assert_eq!(two, 2 * one, "no commit met another: {:#?}", bench.story());
    let verdicts = told(&bench, What::Verdict);
    assert!(verdicts[0] < verdicts[1]);
    assert!(verdicts[1] < told(&bench, What::Reserved)[0]);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_is_just_being_recorded_counts_as_one() {
    let mut bench = ready(1).await;
    slow_down(&mut bench);
    lose(&mut bench, &[1, 2]).await;
    let (up, reserved) = (told(&bench, What::AgentUp), told(&bench, What::Reserved));
    assert!(up[0] < reserved[1], "{:#?}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_at_another_pools_servers() {
    let mut bench = ready(10).await;
    bench.asked.clear();
    lose(&mut bench, &[1]).await;
    let asked_about: BTreeSet<&ServerName> = bench
        .asked
        .iter()
        .filter_map(|ask| match ask {
            Ask::Witness { server, .. } => Some(server),
            _ => None,
        })
        .collect();
    let of_the_pool = [server(1), server(3), server(4)];
    assert_eq!(asked_about, of_the_pool.iter().collect());
}
