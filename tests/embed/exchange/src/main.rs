//! A dashboard that only asks what a lost member would cost a database availability group.

use std::time::Duration;

use coldspare_exchange::memory::{Settings, SimulatedCluster};
use coldspare_exchange::{Dag, DagControl, Member, MemberName, Version};
use coldspare_names::Time;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pair: [MemberName; 2] = ["Exchange1".parse()?, "Exchange2".parse()?];
    let dag = Dag::new("DAG1".parse()?, Version::V2010)
        .with_witness("FS1".parse()?)
        .with_member(pair[0].clone(), Member::at("Lab".parse()?))
        .with_member(pair[1].clone(), Member::at("Lab".parse()?))
        .with_database("Database-1".parse()?, &[pair[0].clone(), pair[1].clone()]);
    let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH)?;
    cluster.member_down(&pair[0])?;
    cluster.advance(Time::after_epoch(Duration::from_mins(1)));

    let after = cluster.dag().await?;
    let active = after.active_on(&pair[1]).count();
    println!(
        "{} serves {active} database(s), quorum: {}",
        pair[1], after.quorum
    );
    assert_eq!(active, 1);
    Ok(())
}
