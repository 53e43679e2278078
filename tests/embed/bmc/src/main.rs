//! A fencing agent for somebody else's cluster: exit 0 only when the server is proven off.

use coldspare_bmc::{Identity, MemoryBmc, Timing, prove_off};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let expected = Identity::new(None, Some("5XKQ3R1"));
    let bmc = MemoryBmc::new(
        "db-7".parse::<coldspare_names::ServerName>()?,
        expected.clone(),
    );
    bmc.turn_on_by_hand();

    let timing = Timing {
        pause: std::time::Duration::from_millis(10),
        ..Timing::default()
    };
    let proof = prove_off(&bmc, &expected, &timing).await?;
    println!(
        "{:?} read off twice, {:?} apart",
        proof.identity(),
        proof.pause()
    );
    Ok(())
}
