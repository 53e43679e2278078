use std::time::Duration;

use coldspare_names::Generation;
use coldspare_persona::PersonaState;

use self::bench::{Bench, Mishap};
use crate::command::Verb;
use crate::event::What;
use crate::reply::Reply;
use crate::test_world::{persona, server, two_spares, white_paper};

mod bench;

const SHORT: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_running_site_is_adopted_untouched_and_its_spare_made_fit() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench.assert_ready(&[3]);
    let first = Generation::new(1);
    assert_eq!(bench.home(1), Some((server(1), first)));
    assert_eq!(bench.home(2), Some((server(2), first)));
    assert_eq!(bench.count(What::Verdict), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_its_power_is_replaced_by_the_spare() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT * 5).await;
    assert_eq!(bench.home(1), Some((server(3), Generation::new(2))));
    assert_eq!(bench.home(2), Some((server(2), Generation::new(1))));
    println!("{:#?}", bench.story());
}
