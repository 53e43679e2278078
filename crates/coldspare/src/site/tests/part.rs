//! Pools that are looked after by themselves.

use super::*;

#[test]
fn every_server_and_persona_is_in_the_part_of_its_pool_and_in_no_other() {
    for path in examples() {
        let site = Site::load(&path).unwrap();
        let parts = site.pools.keys().map(|pool| site.of_pool(pool).unwrap());
        let parts: Vec<_> = parts.collect();
        let [mut servers, mut personas, mut groups] = [0; 3];
        for part in &parts {
            servers += part.servers.len();
            personas += part.personas.len();
            groups += part.dags.len();
            assert!(
                part.servers
                    .iter()
                    .all(|(name, of)| site.servers[name] == *of)
            );
            assert!(
                part.personas
                    .iter()
                    .all(|(name, of)| site.personas[name] == *of)
            );
            assert!(part.dags.iter().all(|(name, of)| site.dags[name] == *of));
            assert_eq!(part.pools.len(), 1);
            assert_eq!(part.arrays, site.arrays, "a server is shut out of all");
        }
        let whole = [site.servers.len(), site.personas.len(), site.dags.len()];
        assert_eq!([servers, personas, groups], whole, "{}", path.display());
    }
}

#[test]
fn a_switch_belongs_to_the_pools_whose_servers_are_cabled_to_it() {
    let text = WHITE_PAPER.replace(
        "[switches.san-1]",
        "[switches.spare]\ndriver = \"memory\"\n[switches.san-1]",
    );
    let site = Site::parse(&text, "site.toml").unwrap();
    let part = site.of_pool(&"exchange".parse().unwrap()).unwrap();
    let switches: Vec<_> = part.switches.keys().map(ToString::to_string).collect();
    assert_eq!(switches, ["lan-1", "lan-2"]);
}

#[test]
fn a_pool_that_shares_a_group_with_another_is_not_looked_after_alone() {
    let of_exchange = "pool = \"exchange\"";
    let mut text = format!("{WHITE_PAPER}\n[pools.other]\n");
    for section in ["[servers.r720-2]", "[personas.exchange-2]"] {
        let (before, after) = text.split_once(section).unwrap();
        let after = after.replacen(of_exchange, "pool = \"other\"", 1);
        text = [before, section, &after].concat();
    }
    let site = Site::parse(&text, "site.toml").unwrap();
    let [pool, other] = ["exchange", "other"].map(|pool| pool.parse().unwrap());
    let told = site.of_pool(&pool).unwrap_err().to_string();
    assert!(
        told.ends_with("has members in exchange and in other: one controller must look after both"),
        "{told}"
    );
    assert!(matches!(
        site.of_pool(&other),
        Err(Indivisible::Group { .. })
    ));
}

#[test]
fn an_unknown_pool_is_refused_with_those_that_there_are() {
    let told = white_paper().of_pool(&"exchnage".parse().unwrap());
    let told = told.unwrap_err().to_string();
    assert_eq!(told, "the site has no pool exchnage; its pools: exchange");
}
