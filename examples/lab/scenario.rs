//! What happens to the persona's server, and what must come of it.

use std::time::Duration;

use coldspare::What;
use coldspare::command::Verb;
use coldspare_names::Time;
use tokio::time::sleep;

use crate::Failure;
use crate::arguments::Choice;
use crate::lab::{Lab, PERSONA, Surprise};

/// A guest's boot takes ten seconds on an idle machine, and the machine may be busy.
pub(crate) const BOOT: Duration = Duration::from_mins(2);
/// A boot that fails first, and its boot timer.
const TWO_BOOTS: Duration = Duration::from_mins(4);
/// Making a server fit to be a spare.
const SCRUB: Duration = Duration::from_mins(1);
/// So long the persona runs on afterwards, for the witness to see who writes.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Brings the persona up on its home, and plays the scenario.
pub(crate) async fn play(lab: &mut Lab, scenario: Choice) -> Result<(), Failure> {
    begin(lab).await?;
    match scenario {
        Choice::All | Choice::Bare => {}
        Choice::Panic => panic!("the laboratory is asked to"),
        Choice::Power => power(lab).await?,
        Choice::Frozen => frozen(lab).await?,
        Choice::Feed => feed(lab).await?,
        Choice::Return => returns(lab).await?,
        Choice::BadSpare => bad_spare(lab).await?,
        Choice::Agent => agent(lab).await?,
        Choice::Move => moves(lab).await?,
    }
    sleep(AFTERWARDS).await;
    Ok(())
}

/// All servers are clean; the persona is started on the first.
async fn begin(lab: &mut Lab) -> Result<(), Failure> {
    for server in ["r1", "r2", "r3"] {
        lab.expect(What::Scrubbed, server, Time::EPOCH, SCRUB)
            .await?;
    }
    let persona = PERSONA.parse()?;
    let on = Some("r1".parse()?);
    let since = lab.now();
    lab.ask(Verb::Start { persona, on }).await?;
    lab.expect(What::Restored, PERSONA, since, BOOT).await?;
    lab.at_home("r1").await?;
    sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// The persona comes back on the spare.
async fn comes_to(lab: &Lab, server: &str, since: Time, within: Duration) -> Result<(), Failure> {
    lab.expect(What::Restored, PERSONA, since, within).await?;
    lab.at_home(server).await
}

async fn power(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "somebody holds its button")?;
    lab.server("r1")?.hold_button()?;
    comes_to(lab, "r2", since, BOOT).await?;
    lab.expect(What::Scrubbed, "r1", since, SCRUB).await?;
    Ok(())
}

async fn frozen(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "it hangs, and is slow to turn off")?;
    lab.server("r1")?.freeze()?;
    comes_to(lab, "r2", since, BOOT).await?;
    lab.expect(What::Scrubbed, "r1", since, SCRUB).await?;
    Ok(())
}

async fn feed(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "it hangs, and its controller is dead")?;
    lab.server("r1")?.freeze()?;
    lab.server("r1")?.lose_controller().await?;
    comes_to(lab, "r2", since, BOOT).await?;
    let thawed = lab.fault("r1", "it goes on where it stood still")?;
    lab.server("r1")?.thaw()?;
    // Time enough to write, to speak, and to log in anew.
    sleep(Duration::from_secs(8)).await;
    lab.never(What::Placed, thawed)?;
    nobody_of(lab, "10.20.0.11").await?;
    lab.at_home("r2").await
}

async fn returns(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "it and its controller have no power")?;
    lab.server("r1")?.lose_mains().await?;
    lab.expect(What::PoweredOn, PERSONA, since, BOOT).await?;
    let back = lab.fault("r1", "it and its controller have power again")?;
    lab.server("r1")?.regain_mains().await?;
    comes_to(lab, "r2", since, BOOT).await?;
    lab.expect(What::Scrubbed, "r1", back, SCRUB).await?;
    nobody_of(lab, "10.20.0.11").await?;
    lab.at_home("r2").await
}

async fn bad_spare(lab: &mut Lab) -> Result<(), Failure> {
    lab.fault("r2", "its SAN port has no link")?;
    lab.server("r2")?.san_link(false)?;
    let since = lab.fault("r1", "somebody holds its button")?;
    lab.server("r1")?.hold_button()?;
    comes_to(lab, "r3", since, TWO_BOOTS).await?;
    lab.expect(What::PoweredOn, "r2", since, BOOT).await?;
    for server in ["r1", "r2"] {
        lab.expect(What::Scrubbed, server, since, SCRUB).await?;
    }
    Ok(())
}

async fn agent(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "its agent is killed, and the persona writes on")?;
    // Whoever would start it again goes first.
    let kill = "P=$(pidof agent); kill -9 $(cut -d' ' -f4 /proc/$P/stat) $P";
    lab.server("r1")?.type_line(kill).await?;
    let verdict = lab.expect(What::Verdict, "r1", since, SCRUB).await?;
    if verdict.event.status.as_deref() != Some("agent-dead") {
        return Err(Surprise(format!("the verdict is {:?}", verdict.event)).into());
    }
    lab.expect(What::Alarm, "r1", since, SCRUB).await?;
    sleep(Duration::from_secs(15)).await;
    lab.never(What::Placed, since)?;
    lab.at_home("r1").await
}

async fn moves(lab: &mut Lab) -> Result<(), Failure> {
    for (from, to) in [("r1", "r2"), ("r2", "r1")] {
        let since = lab.now();
        let (persona, to_server) = (PERSONA.parse()?, Some(to.parse()?));
        lab.ask(Verb::Retarget {
            persona,
            to: to_server,
        })
        .await?;
        comes_to(lab, to, since, TWO_BOOTS).await?;
        lab.expect(What::Scrubbed, from, since, SCRUB).await?;
    }
    Ok(())
}

/// That no session comes from that address.
async fn nobody_of(lab: &Lab, address: &str) -> Result<(), Failure> {
    for array in lab.controller.devices.arrays.values() {
        let sessions = array.sessions().await?;
        if sessions.iter().any(|it| it.source.to_string() == address) {
            return Err(Surprise(format!("{address} is logged in to {}", array.name())).into());
        }
    }
    Ok(())
}
