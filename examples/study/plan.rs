//! `--plan`: what a retarget of each persona would do. Nothing is done.

use coldspare::command::{Actor, Command, Verb};
use coldspare::site::Site;
use coldspare::{Preview, Reply};
use coldspare_names::Time;
use coldspare_sim::{Error, Scenario, Simulation};
use std::time::Duration;

use coldspare_examples::tell;

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
                Some(Reply::Preview(preview)) => print(&preview),
                reply => println!("{persona}: {reply:?}"),
            }
        }
        Ok(())
    })
}

fn print(preview: &Preview) {
    let placement = &preview.placement;
    println!("{}", placement.persona);
    match &placement.choice {
        Some(choice) => println!("  to {}", choice.server),
        None => println!("  nowhere: no server fits"),
    }
    for (server, refusals) in &placement.refused {
        let reasons = refusals
            .iter()
            .map(|refusal| format!("{refusal} (to change that: {})", refusal.remedy()));
        println!(
            "  not to {server}: {}",
            reasons.collect::<Vec<_>>().join("; ")
        );
    }
    for (number, stage) in preview
        .plan
        .iter()
        .flat_map(|plan| &plan.stages)
        .enumerate()
    {
        let steps: Vec<_> = stage.iter().map(ToString::to_string).collect();
        println!("  {:>2}. {}", number + 1, steps.join(" | "));
    }
    println!("  expected to take {}", tell::clock(preview.expected));
    match (preview.objective, preview.fits()) {
        (Some(objective), Some(true)) => println!("  within its objective of {objective:?}"),
        (Some(objective), _) => println!("  NOT within its objective of {objective:?}"),
        (None, _) => println!("  it has no recovery-time objective"),
    }
}
