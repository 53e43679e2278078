//! The paper's site with two controllers, the first of which leads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coldspare::command::{Actor, Command, Verb};
use coldspare::site::Site;
use coldspare::{Clock, Overview, Reply};
use coldspare_heartbeat::Power;
use coldspare_invariants::{Invariant, Run, all};
use coldspare_names::{ServerName, Time};
use coldspare_persona::PersonaState;
use coldspare_sim::{Fault, FaultKind, Latency, Picture, Scenario, Truth, World, Worn};
use tokio::time::{sleep, sleep_until, timeout};

use crate::gate::{Gate, Kind, Sleep};
use crate::member::{Lack, Member};
use crate::story::Story;

/// Longer than a story takes while nobody sleeps.
const LENGTH: Duration = Duration::from_mins(3);
/// Longer than it takes when the other controller has to take over in its midst.
const LONGER: Duration = Duration::from_secs(270);
/// Longer than anything goes on after that.
const REST: Duration = Duration::from_secs(90);

/// When a controller that fell asleep wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wakes {
    /// As the other one changes something for the first time.
    AsItChanges,
    /// As the other one gives something for the first time.
    AsItGives,
    /// When all is over.
    Afterwards,
}

/// Where a controller sleeps, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nap {
    /// Its call is counted from the beginning of the story.
    pub(crate) sleep: Sleep,
    pub(crate) wakes: Wakes,
}

/// How everything is in the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    picture: Picture,
    /// With generations, and the number of each boot: nobody was fenced or started needlessly.
    worn: BTreeMap<ServerName, Worn>,
    overview: Option<Overview>,
}

impl End {
    /// What is otherwise than it should be.
    pub(crate) fn unlike(&self, wanted: &Self) -> Option<String> {
        if self.picture != wanted.picture {
            Some(format!("{:?}", self.picture))
        } else if self.worn != wanted.worn {
            Some(format!("{:?}", self.worn))
        } else if self.overview != wanted.overview {
            Some(format!("{:?}", self.overview))
        } else {
            None
        }
    }
}

/// What came of a story.
#[derive(Debug)]
pub(crate) struct Played {
    /// The calls that the first controller made until the story was over.
    pub(crate) calls: Vec<Kind>,
    /// It woke because the other one did what it was to wake at.
    pub(crate) woken: bool,
    pub(crate) end: End,
    /// What must not have happened.
    pub(crate) found: Vec<String>,
}

/// Plays a story on a clock of its own; the same nap gives the same run.
pub(crate) fn play(story: Story, site: &Arc<Site>, nap: Option<Nap>, lack: Option<Lack>) -> Played {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scene = Scene::open(site, lack).await;
        scene.play(story, nap).await
    })
}

/// The checkers, and the first thing that each has found.
struct Watch {
    invariants: Vec<Box<dyn Invariant>>,
    found: BTreeMap<&'static str, String>,
}

impl Watch {
    fn look(&mut self, truth: &Truth<'_>) {
        for invariant in &mut self.invariants {
            if let Some(what) = invariant.look(truth) {
                let what = format!("{} at {}: {what}", invariant.name(), truth.now());
                self.found.entry(invariant.name()).or_insert(what);
            }
        }
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>, undone: &[&str]) {
        for invariant in &mut self.invariants {
            if undone.contains(&invariant.name()) {
                continue;
            }
            if let Some(what) = invariant.look_back(run, truth) {
                let what = format!("{} in the end: {what}", invariant.name());
                self.found.entry(invariant.name()).or_insert(what);
            }
        }
    }
}

/// What a story plays on.
pub(crate) struct Scene {
    world: World,
    gates: [Arc<Gate>; 2],
    members: [Member; 2],
    faults: Mutex<Vec<Fault>>,
    watch: Arc<Mutex<Watch>>,
}

impl Scene {
    /// Nobody has begun yet.
    async fn open(site: &Arc<Site>, lack: Option<Lack>) -> Self {
        let clock = Clock::showing(Time::EPOCH);
        let world = World::running(site, quick(), 1, clock).await.unwrap();
        let watch = Arc::new(Mutex::new(Watch {
            invariants: all(),
            found: BTreeMap::new(),
        }));
        let looking = watch.clone();
        world.observe(Box::new(move |_, truth| lock(&looking).look(truth)));
        let first = Gate::new(None);
        let gates = [first.clone(), Gate::new(Some(first))];
        let member = |name, gate: &Arc<Gate>| Member::new(name, site, &world, gate, lack);
        let members = [member("first", &gates[0]), member("second", &gates[1])];
        Self {
            members,
            gates,
            world,
            faults: Mutex::default(),
            watch,
        }
    }

    /// Something breaks, for so long.
    pub(crate) fn breaks(&self, kind: FaultKind, lasts: Option<Duration>) {
        let at = self.world.clock().now();
        let fault = Fault { at, kind, lasts };
        self.world.schedule([fault.clone()]);
        lock(&self.faults).push(fault);
    }

    /// Asks whoever leads, as a person who asks again until it is so.
    pub(crate) async fn insist(&self, verb: Verb) {
        let mut last = None;
        for _ in 0..120 {
            let reply = timeout(Duration::from_secs(2), self.ask(verb.clone())).await;
            match reply {
                Ok(Some(Reply::Accepted(_) | Reply::AlreadySo)) => return,
                // A word that was taken cannot be given again.
                Ok(Some(_)) if self.waits_for_nobody(&verb).await => return,
                Ok(reply) => last = reply,
                Err(_) => continue,
            }
            sleep(Duration::from_secs(2)).await;
        }
        panic!("it never becomes so: {verb:?}, {last:?}");
    }

    /// Whether a persona, of which a person says something, waits for no person's word any more.
    async fn waits_for_nobody(&self, verb: &Verb) -> bool {
        let Verb::ConfirmFenced { persona, .. } = verb else {
            return false;
        };
        let Some(Reply::Status(overview)) = self.ask(Verb::Status).await else {
            return false;
        };
        let mut personas = overview.personas.iter();
        let waits = Some(PersonaState::OperatorNeeded);
        personas.any(|of| of.persona == *persona && of.state.is_some() && of.state != waits)
    }

    async fn ask(&self, verb: Verb) -> Option<Reply> {
        let [first, second] = &self.members;
        let leader = if second.leads() { second } else { first };
        let actor = Actor::Person("operator".to_owned());
        leader.handle()?.ask(Command { actor, verb }).await
    }

    async fn play(mut self, story: Story, nap: Option<Nap>) -> Played {
        let clock = self.world.clock();
        let anew = story == Story::Adoption;
        if anew {
            self.gates[0].sleeps(nap.map(|nap| nap.sleep));
        }
        self.members[0].begin();
        sleep(Duration::from_secs(1)).await;
        self.members[1].begin();
        let mut before = 0;
        if !anew {
            sleep(Duration::from_secs(30)).await;
            story.before(&self).await;
            before = self.gates[0].calls().len();
            self.gates[0].sleeps(nap.map(|Nap { sleep, .. }| Sleep {
                at: before + sleep.at,
                ..sleep
            }));
        }
        let wakes = nap.map(|nap| nap.wakes);
        let nap = tokio::spawn(sleep_and_wake(self.gates.clone(), wakes));
        let overtaken = tokio::spawn(self.members[1].overtakes(self.gates[0].clone()));

        let begun = clock.now();
        story.happens(&self).await;
        sleep_until(clock.instant(begun + LENGTH)).await;
        let calls = self.gates[0].calls().split_off(before);
        sleep_until(clock.instant(begun + LENGTH + LONGER + REST)).await;
        overtaken.abort();
        let slept = nap.is_finished();
        nap.abort();
        Played {
            calls,
            woken: slept && nap.await.unwrap(),
            end: self.end().await,
            found: self.found(story, slept),
        }
    }

    async fn end(&self) -> End {
        let overview = match self.ask(Verb::Status).await {
            Some(Reply::Status(mut overview)) => {
                // Nobody asks for it while all is well.
                let servers = overview.servers.iter_mut();
                servers.for_each(|server| server.power = Power::NoAnswer);
                Some(overview)
            }
            _ => None,
        };
        End {
            picture: Picture::of(&self.world).await,
            worn: worn(&self.world),
            overview,
        }
    }

    fn found(&self, story: Story, slept: bool) -> Vec<String> {
        let mut found: Vec<_> = self.gates.iter().flat_map(|gate| gate.found()).collect();
        let [first, second] = &self.members;
        if slept && (first.leads() || first.handle().is_some()) {
            found.push("the first controller believes to lead still".to_owned());
        }
        if slept && !second.leads() {
            found.push("the second controller does not lead".to_owned());
        }
        self.world.observe(Box::new(|_, _| ()));
        let scenario = Scenario {
            faults: lock(&self.faults).clone(),
            ..Scenario::quiet(self.world.clock().now() - Time::EPOCH)
        };
        let run = Run {
            scenario: &scenario,
            told: &self.world.told(),
            at_rest: true,
        };
        let mut watch = lock(&self.watch);
        self.world
            .look(|truth| watch.look_back(&run, truth, story.leaves_undone()));
        found.extend(std::mem::take(&mut watch.found).into_values());
        found
    }
}

/// Wakes the first controller when it has fallen asleep and it is time; whether it was because of
/// the second one.
async fn sleep_and_wake([first, second]: [Arc<Gate>; 2], wakes: Option<Wakes>) -> bool {
    first.falls_asleep().await;
    let until = async {
        match wakes {
            Some(Wakes::AsItChanges) => second.changes().await,
            Some(Wakes::AsItGives) => second.gives().await,
            Some(Wakes::Afterwards) | None => std::future::pending().await,
        }
    };
    let woken = timeout(LONGER, until).await.is_ok();
    first.wake();
    woken
}

/// What each server wears.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method's path names one lifetime, and any is asked for"
)]
pub(crate) fn worn(world: &World) -> BTreeMap<ServerName, Worn> {
    world.look(|truth| truth.worn())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So that little time passes in which nothing is decided.
fn quick() -> Latency {
    let little = Duration::from_secs(5);
    Latency {
        post: little,
        boot: little,
        services: little,
        shut_down: little,
        variation: 0,
        ..Latency::default()
    }
}
