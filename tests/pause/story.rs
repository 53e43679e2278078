//! What a controller may be in the midst of.

use std::time::Duration;

use coldspare::command::Verb;
use coldspare::site::Site;
use coldspare_names::{Generation, PersonaName, ServerName};
use coldspare_sim::FaultKind;
use tokio::time::sleep;

use crate::scene::Scene;

const PAPER: &str = include_str!("../../examples/sites/white-paper.toml");
/// Longer than anything takes that happens before a story.
const BEFORE: Duration = Duration::from_mins(2);
/// Longer than it takes to fence a server, and shorter than a spare is waited for.
const OUTAGE: Duration = Duration::from_secs(100);

/// An array that cannot tell a former holder from the present one.
const BINDS_NOBODY: &str = "driver = \"memory\"
traits = { binds-by-address = false, binds-by-secret = false }
portals";

/// Something after which everything is in its place, whoever slept meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    Adoption,
    Failover,
    /// A failover whose first spare does not boot: the persona goes back to where it was.
    BadSpare,
    Repair,
    Move,
    MoveBack,
    Stop,
    Start,
    Maintenance,
    /// A person says that a server is fenced of which nothing can be shown.
    Word,
    Pause,
    Change,
    /// A changed site with which the controller starts anew.
    OtherLimits,
}

impl Story {
    pub(crate) fn site(self) -> Site {
        match self {
            Self::BadSpare => changed("boot-timer = \"20m\"", "boot-timer = \"2m\""),
            Self::Word => changed("driver = \"memory\"\nportals", BINDS_NOBODY),
            _ => Site::parse(PAPER, "white-paper.toml").unwrap(),
        }
    }

    /// What is so before it.
    pub(crate) async fn before(self, scene: &Scene) {
        match self {
            // It returns by itself.
            Self::Repair => scene.breaks(feed_loss(), Some(BEFORE)),
            Self::MoveBack => scene.insist(retarget(3)).await,
            Self::Start => scene.insist(stop()).await,
            Self::Word => scene.breaks(feed_loss(), None),
            _ => return,
        }
        sleep(BEFORE).await;
    }

    pub(crate) async fn happens(self, scene: &Scene) {
        match self {
            Self::Adoption | Self::Repair => {}
            Self::Failover => {
                let server = server(1);
                scene.breaks(FaultKind::PowerLoss { server }, None);
            }
            Self::BadSpare => {
                let (server, spare) = (server(1), server(3));
                scene.breaks(FaultKind::BootFailure { server: spare }, None);
                scene.breaks(FaultKind::PowerLoss { server }, Some(OUTAGE));
            }
            Self::Move => scene.insist(retarget(3)).await,
            Self::MoveBack => scene.insist(retarget(1)).await,
            Self::Stop => scene.insist(stop()).await,
            Self::Start => scene.insist(start(1)).await,
            Self::Maintenance => {
                for on in [true, false] {
                    let server = server(3);
                    scene.insist(Verb::Maintenance { server, on }).await;
                }
            }
            Self::Word => scene.insist(confirm_fenced()).await,
            Self::Pause => {
                for on in [true, false] {
                    scene.insist(Verb::Pause { on }).await;
                }
            }
            Self::Change => apply(scene, "boot-timer = \"20m\"", "boot-timer = \"21m\"").await,
            Self::OtherLimits => apply(scene, "silence = \"2100ms\"", "silence = \"2200ms\"").await,
        }
    }

    /// Properties that need not hold after it.
    pub(crate) fn leaves_undone(self) -> &'static [&'static str] {
        match self {
            Self::Stop => &[
                "restored, or explained and impossible",
                "a healed site converges",
            ],
            _ => &[],
        }
    }
}

/// The paper's site with one value changed.
fn changed(from: &str, to: &str) -> Site {
    assert!(PAPER.contains(from));
    Site::parse(&PAPER.replace(from, to), "white-paper.toml").unwrap()
}

async fn apply(scene: &Scene, from: &str, to: &str) {
    let site = changed(from, to);
    scene.insist(Verb::Apply { site: site.into() }).await;
}

fn persona() -> PersonaName {
    "exchange-1".parse().unwrap()
}

fn server(number: u8) -> ServerName {
    format!("r720-{number}").parse().unwrap()
}

fn retarget(to: u8) -> Verb {
    Verb::Retarget {
        persona: persona(),
        to: Some(server(to)),
    }
}

fn stop() -> Verb {
    let persona = persona();
    Verb::Stop { persona }
}

fn start(on: u8) -> Verb {
    Verb::Start {
        persona: persona(),
        on: Some(server(on)),
    }
}

fn confirm_fenced() -> Verb {
    Verb::ConfirmFenced {
        persona: persona(),
        server: server(1),
        generation: Generation::new(1),
    }
}

fn feed_loss() -> FaultKind {
    let feed = "a".parse().unwrap();
    FaultKind::FeedLoss { feed }
}
