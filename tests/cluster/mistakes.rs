//! What operators get wrong, and what is not there yet when a controller is begun.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::engine::Engine;
use super::member::{Member, SITE};
use super::process::{Place, root, within};

#[test]
fn a_site_on_which_its_leaders_could_give_nothing_is_not_applied_and_who_cannot_lead_does_not_stand()
 {
    let Some(engine) = Engine::start() else {
        return;
    };
    let (long, short) = (Duration::from_secs(6), Duration::from_secs(3));
    let mut leads = Member::new(&engine, "a", long);
    leads.begin();
    leads.leads();
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(root().join(SITE)).unwrap();
    let site = |limit: &str| {
        let file = folder.path().join("site.toml");
        fs::write(&file, text.replace("bmc = \"300ms\"", limit)).unwrap();
        file.to_str().unwrap().to_owned()
    };

    let longer = site("bmc = \"6s\"");
    let refused = leads.ask(3, &["apply", &longer]);
    let figures = "a lease of 6s does not outlast the longest call that gives a server something \
                   on this site, 6.2s";
    assert!(refused.contains(figures), "{refused}");
    leads.ask(3, &["apply", "--show", &longer]);
    leads.ask(0, &["apply", &site("bmc = \"3s\"")]);

    let refused = Member::new(&engine, "b", short).begin_in_vain();
    assert!(refused.contains("a lease of 3s"), "{refused}");
    assert!(refused.contains("on this site, 3.2s"), "{refused}");
    // It has kept nobody from leading.
    sleep(long);
    leads.ask(0, &["status"]);
    let ended = leads.process().terminate();
    assert_eq!(ended, Some(0), "{}", leads.process().log());
}

#[test]
fn who_is_begun_before_etcd_has_a_quorum_waits_for_it() {
    let Some(engine) = Engine::start() else {
        return;
    };
    for node in [0, 1] {
        engine.nodes.pause(node);
    }
    let mut member = Member::new(&engine, "a", Duration::from_secs(3));
    let waits = |member: &mut Member| {
        member.begin();
        within("it says what it waits for", || {
            let log = member.process().log();
            log.contains("the store cannot be opened yet").then_some(())
        });
    };
    waits(&mut member);
    assert_eq!(member.process().terminate(), Some(0));
    waits(&mut member);
    for node in [0, 1] {
        engine.nodes.resume(node);
    }
    member.leads();
}

#[test]
fn what_is_no_plain_endpoint_is_refused_without_telling_its_password() {
    for endpoint in [
        "http://root:hidden@127.0.0.1:2379",
        "https://127.0.0.1:2379",
        "hidden",
        "",
    ] {
        let place = Place::at(&format!("etcd:http://127.0.0.1:2379,{endpoint}"));
        let refused = place.start_in_vain(&["--site", SITE]);
        assert!(
            refused.contains("without TLS, user and password"),
            "{refused}"
        );
        assert!(!refused.contains("hidden"), "{refused}");
    }
}
