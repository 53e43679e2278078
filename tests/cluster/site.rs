//! A site that is longer than a value of the store.

use super::engine::Engine;
use super::large;
use super::process::Place;

#[test]
fn a_site_that_is_longer_than_a_value_of_the_store_is_recorded_and_replaced() {
    let Some(engine) = Engine::start() else {
        return;
    };
    large::is_kept(&Place::at(&engine.address()));
    engine.wait(async { large::is_kept_once(&engine.store().await).await });
}
