//! `--plan`: what a retarget of each persona would do. Nothing is done.

use coldspare::Reply;
use coldspare::command::{Actor, Command, Verb};
use coldspare::site::Site;
use coldspare_names::Time;
use coldspare_sim::{Error, Scenario, Simulation};
use std::time::Duration;

use coldspare_examples::preview;

/// By then the controller knows the site.
const KNOWN: Duration = Duration::from_mins(1);

pub(crate) fn show(site: &Site, scenario: &Scenario, seed: u64, json: bool) -> Result<(), Error> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let simulation = Simulation::start(site, scenario.latency.clone(), seed).await?;
        simulation.run_until(Time::after_epoch(KNOWN)).await;
        for persona in site.personas.keys() {
            let verb = Verb::Plan {
                persona: persona.clone(),
                to: None,
            };
            let command = Command {
                actor: Actor::Person("study".to_owned()),
                verb,
            };
            match simulation.ask(command).await {
                Some(reply) if json => {
                    println!("{}", serde_json::to_string(&reply).unwrap_or_default());
                }
                Some(Reply::Preview(preview)) => print!("{}", preview::text(&preview)),
                reply => println!("{persona}: {reply:?}"),
            }
        }
        Ok(())
    })
}
