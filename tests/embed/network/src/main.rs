//! A decommissioning tool that only parks switch ports, and wants to be sure that they are.

use std::collections::BTreeSet;

use coldspare_network::memory::MemorySwitch;
use coldspare_network::{Membership, VlanId, park, wire};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: coldspare_names::PortName = "1/g7".parse()?;
    let switch = MemorySwitch::new("lan-1".parse()?, [port.clone()]);
    let used = [(port.clone(), Membership::Access(VlanId::new(103)?))];
    wire(&switch, &used.into_iter().collect()).await?;

    let parked = park(&switch, &BTreeSet::from([port.clone()])).await?;
    println!(
        "{} passes nothing on {}",
        parked.ports().len(),
        parked.switch()
    );
    assert!(!switch.carries(&port, VlanId::new(103)?));
    Ok(())
}
