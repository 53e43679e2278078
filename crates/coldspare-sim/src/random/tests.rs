use super::*;

#[test]
fn every_draw_is_a_site_and_faults_of_that_site() {
    let mut sizes = Vec::new();
    for seed in 0..200 {
        let drawn = site(seed);
        assert_eq!(drawn, site(seed));
        sizes.push(drawn.servers.len());
        let end = Time::after_epoch(LONGEST);
        let broken = faults(seed, &drawn);
        assert_eq!(broken, faults(seed, &drawn));
        assert!(broken.iter().all(|fault| fault.at < end));
    }
    assert!(sizes.contains(&1) && sizes.contains(&10));
}
