//! The laboratory at work: the plant, the controller, the witness, and what was told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coldspare::site::Site;
use coldspare::{Clock, Event, PersonaOverview, Reply, ServerOverview, Told, What};
use coldspare_examples::asking::Request;
use coldspare_names::{PersonaName, ServerName, Time, VolumeName};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::arguments::{Choice, Inside};
use crate::controller::Controller;
use crate::daemons::Daemons;
use crate::plant::{Plant, Server};
use crate::witness::Witness;

/// The site, as the controller is told it.
pub(crate) const SITE: (&str, &str) = ("examples/lab/site.toml", include_str!("site.toml"));
/// The one persona.
pub(crate) const PERSONA: &str = "web-1";

/// How often is looked whether something has come.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// It did not go as it should: the laboratory worked, and this was seen.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Surprise(pub(crate) String);

/// Everything.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) site: Arc<Site>,
    pub(crate) plant: Plant,
    pub(crate) controller: Controller,
    pub(crate) witness: Witness,
    log: Log,
}

/// What was told so far, by the controller and by us. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    clock: Clock,
    told: Arc<Mutex<Vec<Told>>>,
    show: fn(&Told),
    began: Time,
}

impl Log {
    pub(crate) fn tell(&self, told: Told) {
        let at = Time::EPOCH + told.at.since(self.began);
        (self.show)(&Told {
            at,
            event: told.event.clone(),
        });
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(told);
    }
}

impl Lab {
    /// Starts every part.
    pub(crate) async fn start(
        scenario: Choice,
        inside: &Inside,
        show: fn(&Told),
    ) -> Result<Self, Failure> {
        crate::plant::lay_out()?;
        let site = Arc::new(Site::parse(SITE.1, SITE.0)?);
        let plant = Plant::start(&site).await?;
        plant.storage.fill(&PERSONA.parse()?, &inside.image)?;
        let witness = Witness::listen().await?;
        let began = wall_clock()?;
        let log = Log {
            clock: Clock::showing(began),
            told: Arc::default(),
            show,
            began,
        };
        let controller = match &inside.daemon {
            None => Controller::start(&site, log.clock, log.clone()).await?,
            Some(program) => {
                let daemons = Daemons::begin(scenario, program, log.clone()).await?;
                Controller::apart(&site, log.clock, daemons)?
            }
        };
        Ok(Self {
            site,
            plant,
            controller,
            witness,
            log,
        })
    }

    /// Everything that was told, by the time since the laboratory began.
    pub(crate) fn told(&self) -> Vec<Told> {
        let told = self.log.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }

    /// The moment.
    pub(crate) fn now(&self) -> Time {
        self.log.clock.now()
    }

    /// When the laboratory began.
    pub(crate) fn began(&self) -> Time {
        self.log.began
    }

    /// Tells that somebody breaks or mends something; who breaks it, tells it first.
    pub(crate) fn fault(&self, server: &str, what: &str) -> Result<Time, Failure> {
        let event = Event::new(What::Fault).server(&server.parse()?);
        Ok(self.tell(event.because(what)))
    }

    /// The same of a controller.
    pub(crate) fn fault_of_controller(&self, what: &str) -> Time {
        self.tell(Event::new(What::Fault).because(what))
    }

    fn tell(&self, event: Event) -> Time {
        let at = self.now();
        self.log.tell(Told { at, event });
        at
    }

    /// A server's end of things.
    pub(crate) fn server(&mut self, name: &str) -> Result<&mut Server, Failure> {
        let server = self.plant.servers.get_mut(name);
        Ok(server.ok_or_else(|| format!("the site has no server {name}"))?)
    }

    /// Asks the controller to begin something.
    pub(crate) async fn ask(&self, request: Request) -> Result<(), Failure> {
        match self.controller.ask(request).await? {
            Reply::Accepted(_) => Ok(()),
            other => Err(Surprise(format!("the controller answers {other:?}")).into()),
        }
    }

    /// Waits for an event of a server or persona after `since`.
    pub(crate) async fn expect(
        &self,
        what: What,
        of: &str,
        since: Time,
        within: Duration,
    ) -> Result<Told, Failure> {
        let is_it = |told: &&Told| {
            let about = &told.event.about;
            let server = about.server.as_ref().map(ServerName::as_str);
            let persona = about.persona.as_ref().map(PersonaName::as_str);
            told.at >= since
                && told.event.event == what
                && (server == Some(of) || persona == Some(of))
        };
        let look = async {
            loop {
                if let Some(told) = self.told().iter().find(is_it) {
                    return told.clone();
                }
                sleep(LOOK).await;
            }
        };
        let looked = timeout(within, look).await;
        looked.map_err(|_| {
            Surprise(format!("{what:?} of {of} did not come within {within:?}")).into()
        })
    }

    /// That nothing of the sort was told since then.
    pub(crate) fn never(&self, what: What, since: Time) -> Result<(), Failure> {
        let told = self.told();
        let found = told
            .iter()
            .find(|told| told.at >= since && told.event.event == what);
        match found {
            None => Ok(()),
            Some(told) => Err(Surprise(format!("there was {:?}", told.event)).into()),
        }
    }

    /// That the persona is at home there, by the controller's word, and that its disk is written
    /// from now on.
    pub(crate) async fn at_home(&self, server: &str) -> Result<(), Failure> {
        let home = self.persona().await?.home;
        if home.as_ref().map(ServerName::as_str) != Some(server) {
            let at = home.map_or_else(|| "nowhere".to_owned(), |home| home.to_string());
            return Err(Surprise(format!("{PERSONA} is at home {at}, not on {server}")).into());
        }
        let before = self.witness.newest();
        let written = async {
            while self.witness.newest() <= before {
                sleep(LOOK).await;
            }
        };
        let written = timeout(Duration::from_secs(10), written).await;
        written.map_err(|_| Surprise("the persona's disk is not written".to_owned()).into())
    }

    /// The persona, by the controller's word.
    pub(crate) async fn persona(&self) -> Result<PersonaOverview, Failure> {
        let personas = self.controller.overview().await?.personas;
        Ok(personas
            .into_iter()
            .next()
            .ok_or("the site has no persona")?)
    }

    /// The servers, by the controller's word.
    pub(crate) async fn servers(&self) -> Result<Vec<ServerOverview>, Failure> {
        Ok(self.controller.overview().await?.servers)
    }

    /// The image of the volume that the witness writes.
    pub(crate) fn witness_image(&self) -> Result<PathBuf, Failure> {
        let volume: VolumeName = format!("{PERSONA}-data").parse()?;
        Ok(self.plant.storage.image(&volume))
    }
}

/// The time of day: arrays tell by it when they were written.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the laboratory's clock starts"
)]
fn wall_clock() -> Result<Time, Failure> {
    Ok(Time::after_epoch(
        SystemTime::now().duration_since(UNIX_EPOCH)?,
    ))
}
