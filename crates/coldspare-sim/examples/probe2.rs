use coldspare_exchange::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let site = coldspare::site::Site::load(&args[1]).map_err(|e| println!("{e}")).unwrap();
    let scenario = coldspare_sim::Scenario::load(&args[2], &site).map_err(|e| println!("{e}")).unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    rt.block_on(async {
        let sim = coldspare_sim::Simulation::start(&site, scenario.latency.clone(), 1).await.unwrap();
        sim.schedule(scenario.faults.clone());
        for minute in [27, 60] {
        sim.run_until(coldspare_names::Time::after_epoch(std::time::Duration::from_secs(minute*60))).await;
        let group = sim.world().look(|t| t.group(&"dag-1".parse().unwrap()).unwrap().clone());
        let (dag, copies) = (group.dag().await.unwrap(), group.copies().await.unwrap());
        println!("{:#?}", redistribute(&dag, &copies, Balance::ByActivationPreference).failed);
        println!("{:?}", copies);
        }
    });
}
