//! A capacity planner that only asks which servers a persona could wear.

use coldspare_persona::placement::{Candidate, Claim};
use coldspare_persona::{Persona, Server, place};
use serde_json::{from_str, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let persona: Persona = serde_json::from_value(json!({
        "name": "exchange-1", "pool": "exchange", "operating-system": {},
        "initiator": "iqn.2012-08.com.example:exchange1",
        "image": { "array": "ps6110", "volume": "Exchange Server-1" },
        "requirements": { "memory": "48 GiB" },
    }))?;
    let small: Server = from_str(include_str!("../small.json"))?;
    let placed = place(&[Claim::new(&persona)], &[Candidate::spare(&small)]);
    for refusal in &placed[0].refused["small"] {
        println!("small {refusal}; {}", refusal.remedy());
    }
    assert!(placed[0].choice.is_none(), "32 GiB are not enough");
    Ok(())
}
