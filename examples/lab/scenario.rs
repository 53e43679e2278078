//! What happens to the persona's server, and what must come of it.

use std::time::Duration;

use coldspare::What;
use coldspare_examples::asking::Request;
use coldspare_names::Time;
use tokio::time::{sleep, timeout};

mod controllers;

use crate::Failure;
use crate::arguments::Choice;
use crate::lab::{LOOK, Lab, PERSONA, Surprise};

/// A guest's boot takes ten seconds on an idle machine, and the machine may be busy.
pub(crate) const BOOT: Duration = Duration::from_mins(2);
/// A boot that fails first, and its boot timer.
const TWO_BOOTS: Duration = Duration::from_mins(4);
/// Making a server fit to be a spare.
const SCRUB: Duration = Duration::from_mins(1);
/// The address of the first server's SAN port.
const R1_SAN: &str = "10.20.0.11";
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
        Choice::Restart => restart(lab).await?,
        Choice::Cables => cables(lab).await?,
        Choice::Disk => disk(lab).await?,
        Choice::Move => moves(lab).await?,
        Choice::Controller => controllers::killed_in_every_stage(lab).await?,
        Choice::Follower => controllers::another_takes_over(lab).await?,
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
    lab.ask(Request::Start { persona, on }).await?;
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
    nobody_of(lab, R1_SAN).await?;
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
    nobody_of(lab, R1_SAN).await?;
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

async fn restart(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "its agent is killed, and started again")?;
    let kill = "kill -9 $(pidof agent)";
    lab.server("r1")?.type_line(kill).await?;
    sleep(Duration::from_secs(10)).await;
    let now = lab.now();
    let last = lab.controller.last_heard(now);
    if last.is_none_or(|last| now.since(last) > lab.site.heartbeat.silence) {
        return Err(Surprise(format!("its agent was last heard at {last:?}")).into());
    }
    // On a busy machine its start may take longer than the silence that is judged.
    lab.never(What::Placed, since)?;
    service_is_on(lab, 3).await?;
    lab.at_home("r1").await
}

async fn cables(lab: &mut Lab) -> Result<(), Failure> {
    // One of the system control network's, and the one that carries the service.
    let mut since = lab.now();
    for (plugged, carrier, what) in [(false, 4, "pulled"), (true, 3, "plugged in again")] {
        since = lab.fault("r1", &format!("its cables of channels 1 and 3 are {what}"))?;
        for channel in [1, 3] {
            lab.server("r1")?.cable(channel, plugged).await?;
        }
        lab.expect(What::PathDegraded, "r1", since, SCRUB).await?;
        service_is_on(lab, carrier).await?;
        lab.expect(What::ChannelFailover, PERSONA, since, SCRUB)
            .await?;
        sleep(AFTERWARDS).await;
    }
    lab.never(What::Verdict, Time::EPOCH)?;
    lab.never(What::Suspected, since)?;
    lab.at_home("r1").await
}

async fn disk(lab: &mut Lab) -> Result<(), Failure> {
    let since = lab.fault("r1", "its SAN port has no link")?;
    lab.server("r1")?.san_link(false)?;
    lab.expect(What::Alarm, "r1", since, SCRUB).await?;
    // By itself this target keeps a session for ever whose initiator is gone. It can be told to ask
    // (nop_interval), but what it asks iPXE cannot answer: so its time-out is played by hand.
    for array in lab.controller.devices.arrays.values() {
        let sessions = array.sessions().await?.into_iter();
        let of_r1 = sessions.filter(|it| it.source.to_string() == R1_SAN);
        let of_r1: Vec<_> = of_r1.map(|session| session.id).collect();
        array.drop_sessions(&of_r1).await?;
    }
    comes_to(lab, "r2", since, TWO_BOOTS).await?;
    lab.server("r1")?.san_link(true)?;
    lab.expect(What::Scrubbed, "r1", since, SCRUB).await?;
    // That it was heard until it was turned off contradicts nobody.
    let told = lab.told();
    let reasons = told.iter().filter_map(|told| told.event.reason.as_deref());
    match reasons.into_iter().find(|why| why.contains("not believed")) {
        Some(why) => Err(Surprise(why.to_owned()).into()),
        None => Ok(()),
    }
}

async fn moves(lab: &mut Lab) -> Result<(), Failure> {
    for (from, to) in [("r1", "r2"), ("r2", "r1")] {
        let since = lab.now();
        let (persona, to_server) = (PERSONA.parse()?, Some(to.parse()?));
        lab.ask(Request::Retarget {
            persona,
            to: to_server,
        })
        .await?;
        comes_to(lab, to, since, TWO_BOOTS).await?;
        lab.expect(What::Scrubbed, from, since, SCRUB).await?;
    }
    Ok(())
}

/// Waits until a channel carries the persona's own network, by its operating system's word. An agent
/// whose path was cut connects over the other one first.
async fn service_is_on(lab: &Lab, channel: u8) -> Result<(), Failure> {
    let guest = &lab.controller.devices.guests[PERSONA];
    let mut found = Err("nobody was asked".to_owned());
    let look = async {
        while found != Ok(Some(channel)) {
            sleep(LOOK).await;
            let interfaces = guest.interfaces().await;
            let carriers = interfaces.map(|found| found.carriers);
            found = match carriers {
                Ok(carriers) => Ok(carriers.get("service").map(|channel| channel.number())),
                Err(error) => Err(error.to_string()),
            };
        }
    };
    let looked = timeout(SCRUB, look).await;
    looked.map_err(|_| {
        Surprise(format!(
            "the service should be on channel {channel}: {found:?}"
        ))
        .into()
    })
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
