//! Controllers that are killed, and what takes over.

use std::collections::BTreeSet;
use std::time::Duration;

use coldspare::What;
use coldspare::record::{PersonaRecord, Run, persona_key};
use coldspare_names::{Generation, ServerName};
use coldspare_persona::PersonaState;
use coldspare_store::{SqliteStore, Store};
use tokio::time::{sleep, timeout};

use super::{BOOT, SCRUB, comes_to};
use crate::Failure;
use crate::daemons::Daemons;
use crate::lab::{Lab, PERSONA, Surprise};

/// How often is looked which stage is on record: a stage may last some milliseconds.
const LOOK: Duration = Duration::from_millis(1);
/// So often the persona fails over, at most, until the controller was killed in every stage.
const FAILOVERS: usize = 3;

pub(super) async fn killed_in_every_stage(lab: &mut Lab) -> Result<(), Failure> {
    let store = SqliteStore::open(Daemons::STORE).await?;
    let (mut killed, mut stages) = (BTreeSet::new(), 0);
    for _ in 0..FAILOVERS {
        let before = record(&store).await?.holding;
        let from = before.home().ok_or("the persona has no home")?.server;
        lab.fault(from.as_str(), "somebody holds its button")?;
        lab.server(from.as_str())?.hold_button()?;
        while let Some(run) = next_stage(&store, before.generation(), &killed).await? {
            lab.controller.daemons()?.kill("a").await?;
            // It may have come further before it died.
            let died = record(&store).await?.run.unwrap_or(run);
            let steps = died.plan.stages[died.stage].iter();
            let steps: Vec<_> = steps.map(ToString::to_string).collect();
            let (stage, steps) = (died.stage, steps.join(", "));
            lab.fault_of_controller(&format!(
                "the controller is killed in stage {stage}: {steps}"
            ));
            killed.insert(stage);
            stages = died.plan.stages.len();
            lab.controller.daemons()?.start("a")?;
        }
        let to = record(&store).await?.holding.home();
        let to = to.ok_or("the persona has no home")?.server;
        lab.at_home(to.as_str()).await?;
        is_spare(lab, &from).await?;
        // The last one asks nothing of a device on this site: it is over before anybody sees it.
        if killed.len() + 1 >= stages {
            return Ok(());
        }
    }
    let told = format!("it was killed in the stages {killed:?} of {stages}");
    Err(Surprise(told).into())
}

/// Waits until the failover has come to a stage in which the controller was not killed yet; none
/// when the failover is over.
async fn next_stage(
    store: &SqliteStore,
    before: Generation,
    killed: &BTreeSet<usize>,
) -> Result<Option<Run>, Failure> {
    let look = async {
        loop {
            let record = record(store).await?;
            if record.holding.generation() > before {
                match record.run {
                    None if record.state == PersonaState::Running => return Ok(None),
                    Some(run) if !killed.contains(&run.stage) => return Ok(Some(run)),
                    _ => {}
                }
            }
            sleep(LOOK).await;
        }
    };
    within(BOOT, "the failover is not over", look).await
}

/// Waits until a server is a spare again. Told events are no measure: a controller that is killed
/// may not have told what it has recorded.
async fn is_spare(lab: &Lab, server: &ServerName) -> Result<(), Failure> {
    let look = async {
        loop {
            let servers = lab.servers().await?;
            if servers.iter().any(|it| it.server == *server && it.scrubbed) {
                return Ok(());
            }
            sleep(crate::lab::LOOK).await;
        }
    };
    within(SCRUB, &format!("{server} is no spare"), look).await
}

async fn record(store: &SqliteStore) -> Result<PersonaRecord, Failure> {
    let entry = store.get(&persona_key(&PERSONA.parse()?)?).await?;
    let entry = entry.ok_or("the persona is not on record")?;
    Ok(serde_json::from_slice(entry.value.bytes())?)
}

pub(super) async fn another_takes_over(lab: &mut Lab) -> Result<(), Failure> {
    let daemons = lab.controller.daemons()?;
    until_leads(daemons, "a", BOOT).await?;
    daemons.start("b")?;
    let since = lab.fault("r1", "somebody holds its button")?;
    lab.server("r1")?.hold_button()?;
    lab.expect(What::Fenced, PERSONA, since, SCRUB).await?;
    lab.controller.daemons()?.kill("a").await?;
    let killed = lab.fault_of_controller("the controller that leads is killed");
    comes_to(lab, "r2", killed, BOOT * 2).await?;
    until_leads(lab.controller.daemons()?, "b", SCRUB).await?;
    // What was chosen, and proven, is not chosen or proven again by doing it once more.
    lab.never(What::Placed, killed)?;
    lab.expect(What::Scrubbed, "r1", since, SCRUB).await?;
    Ok(())
}

async fn until_leads(daemons: &Daemons, name: &str, limit: Duration) -> Result<(), Failure> {
    let look = async {
        while !daemons.leads(name).await {
            sleep(crate::lab::LOOK).await;
        }
        Ok(())
    };
    within(limit, &format!("{name} does not lead"), look).await
}

/// Waits for something that is a surprise if it does not come.
async fn within<T>(
    limit: Duration,
    otherwise: &str,
    look: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match timeout(limit, look).await {
        Ok(found) => found,
        Err(_) => Err(Surprise(format!("{otherwise} within {limit:?}")).into()),
    }
}
