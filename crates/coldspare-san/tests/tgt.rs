//! The whole contract on a real tgtd, started here, and what it does that memory cannot show.

#[path = "tgt/daemon.rs"]
mod daemon;
#[path = "tgt/initiator.rs"]
mod initiator;
#[path = "tgt/md5.rs"]
mod md5;
#[path = "tgt/rig.rs"]
mod rig;

use coldspare_san::conformance::check;

#[tokio::test]
async fn a_real_tgtd_keeps_the_contract() {
    if !daemon::is_everything_there("the contract on a real tgtd") {
        return;
    }
    let violations = check(&rig::TgtRig::default()).await;
    assert_eq!(violations, []);
}
