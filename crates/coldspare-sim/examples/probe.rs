fn main() {
    let args: Vec<String> = std::env::args().collect();
    let site = coldspare::site::Site::load(&args[1]).map_err(|e| println!("{e}")).unwrap();
    let scenario = coldspare_sim::Scenario::load(&args[2], &site).map_err(|e| println!("{e}")).unwrap();
    let begun = std::time::Instant::now();
    let outcome = coldspare_sim::simulate(&site, &scenario, 1).unwrap();
    let took = begun.elapsed();
    for told in &outcome.told {
        println!("{} {}", told.at, serde_json::to_string(&told.event).unwrap());
    }
    println!("{:#?}\n{:#?}\n{took:?}", outcome.before, outcome.after);
}
