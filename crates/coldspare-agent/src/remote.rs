//! The controller's end: a guest for every persona whose agent has proved itself.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_heartbeat::{AgentKey, Slot};
use coldspare_names::{Generation, PersonaName};
use coldspare_network::{Error as GuestError, Guest, GuestPlan, Interfaces};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

use crate::Error;
use crate::connection::{Connection, Frames, PATIENCE, STILL, decode, encode, in_time};
use crate::message::{
    Call, Done, Failure, Greeting, Hello, Here, Nonce, Refusal, ToAgent, ToController, VERSION,
    Welcome,
};

/// How long a call may take, there and back.
const LIMIT: Duration = Duration::from_secs(8);
/// How many may be shaking hands at once: others wait.
const STRANGERS: usize = 64;
/// How many calls may wait for one agent.
const CALLS: usize = 8;

/// Who is to be taken for a persona's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Under which generation.
    pub generation: Generation,
    /// The key of that generation.
    pub key: AgentKey,
    /// The slot in which its server is enrolled for heartbeats.
    pub slot: Slot,
    /// How often it is to send them.
    pub period: Duration,
    /// The machine that was given the persona, where its identity is known.
    pub machine: Option<Uuid>,
}

/// The agents of a controller's personas. Cheap to clone: all clones are the same.
///
/// A persona has one connection in each generation that is expected, the latest that proved
/// itself. Its calls go to the highest generation that is connected.
#[derive(Debug, Clone)]
pub struct Agents {
    seats: Arc<Mutex<Seats>>,
    strangers: Arc<Semaphore>,
}

type Seats = BTreeMap<PersonaName, BTreeMap<Generation, Seat>>;

#[derive(Debug)]
struct Seat {
    expected: Expected,
    calls: Option<mpsc::Sender<Pending>>,
}

#[derive(Debug)]
struct Pending {
    call: Call,
    answer: oneshot::Sender<Result<Done, Failure>>,
}

impl Default for Agents {
    fn default() -> Self {
        Self::new()
    }
}

impl Agents {
    /// Nobody is expected yet.
    pub fn new() -> Self {
        Self {
            seats: Arc::default(),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
        }
    }

    /// From now on these are the personas' agents and nobody else: who is not among them is
    /// disconnected.
    pub fn expect(&self, all: impl IntoIterator<Item = (PersonaName, Expected)>) {
        let mut seats = self.seats();
        let mut before = std::mem::take(&mut *seats);
        for (persona, expected) in all {
            let former = before.get_mut(&persona);
            let former = former.and_then(|seats| seats.remove(&expected.generation));
            let former = former.filter(|seat| seat.expected == expected);
            let calls = former.and_then(|seat| seat.calls);
            let generations = seats.entry(persona).or_default();
            generations.insert(expected.generation, Seat { expected, calls });
        }
    }

    /// The persona, through whoever is its agent when it is called.
    pub fn guest(&self, persona: PersonaName) -> RemoteGuest {
        RemoteGuest {
            agents: self.clone(),
            persona,
        }
    }

    /// Takes agents that connect, for as long as it is polled: once for every address on which
    /// the controller listens.
    pub async fn serve(&self, listener: TcpListener) {
        loop {
            let permit = self.strangers.clone().acquire_owned().await;
            match listener.accept().await {
                Ok((stream, from)) => {
                    let agents = self.clone();
                    tokio::spawn(async move {
                        let taken = agents.take(stream).await;
                        drop(permit);
                        let ended = match taken {
                            Ok(connected) => connected.run().await,
                            Err(error) => error,
                        };
                        tracing::debug!(%from, %ended, "an agent's connection");
                    });
                }
                // Out of descriptors, say: that passes.
                Err(error) => {
                    tracing::warn!(%error, "no agent can connect");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Lets a stranger prove who it is.
    async fn take<S: AsyncRead + AsyncWrite>(&self, stream: S) -> Result<Connected<S>, Error> {
        in_time(self.shake_hands(Frames::new(stream))).await
    }

    async fn shake_hands<S: AsyncRead + AsyncWrite>(
        &self,
        mut frames: Frames<S>,
    ) -> Result<Connected<S>, Error> {
        let hello = frames.next().await?;
        let claim: Hello = decode(&hello)?;
        let expected = match self.admit(&claim) {
            Ok(expected) => expected,
            Err(refusal) => {
                frames.send(&encode(&Greeting::Refused(refusal))?).await?;
                return Err(Error::Refused(refusal));
            }
        };
        let greeting = encode(&Greeting::Nonce(nonce()?))?;
        frames.send(&greeting).await?;
        let mut connection = Connection::of_controller(frames, &expected.key, &hello, &greeting);
        let ToController::Here(Here { machine }) = connection.next().await? else {
            return Err(Error::NotProven);
        };
        if expected.machine.is_some() && machine.is_some() && machine != expected.machine {
            let refusal = Refusal::OtherMachine;
            connection.send(&ToAgent::Refused(refusal)).await?;
            return Err(Error::Refused(refusal));
        }
        let (slot, period) = (expected.slot, expected.period);
        let welcome = Welcome { slot, period };
        let (sender, calls) = mpsc::channel(CALLS);
        self.seat(&claim.persona, &expected, sender)?;
        connection.send(&ToAgent::Welcome(welcome)).await?;
        Ok(Connected { connection, calls })
    }

    fn admit(&self, claim: &Hello) -> Result<Expected, Refusal> {
        if claim.version != VERSION {
            return Err(Refusal::OtherVersion);
        }
        let seats = self.seats();
        let seats = seats.get(&claim.persona).ok_or(Refusal::UnknownPersona)?;
        if let Some(seat) = seats.get(&claim.generation) {
            return Ok(seat.expected.clone());
        }
        let is_old = seats
            .keys()
            .any(|generation| *generation > claim.generation);
        Err(if is_old {
            Refusal::OldGeneration
        } else {
            Refusal::UnknownGeneration
        })
    }

    /// Gives the persona's calls to a connection, unless another agent is expected meanwhile.
    fn seat(
        &self,
        persona: &PersonaName,
        proven: &Expected,
        calls: mpsc::Sender<Pending>,
    ) -> Result<(), Error> {
        let mut seats = self.seats();
        let seat = seats.get_mut(persona);
        let seat = seat.and_then(|seats| seats.get_mut(&proven.generation));
        let seat = seat.filter(|seat| seat.expected == *proven);
        seat.ok_or(Error::Replaced)?.calls = Some(calls);
        Ok(())
    }

    /// The way to the persona's agent, if one is connected.
    fn calls(&self, persona: &PersonaName) -> Option<mpsc::Sender<Pending>> {
        let seats = self.seats();
        let mut highest_first = seats.get(persona)?.values().rev();
        highest_first.find_map(|seat| {
            let calls = seat.calls.as_ref();
            calls.filter(|calls| !calls.is_closed()).cloned()
        })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An agent that has proved itself, and the calls for it.
struct Connected<S> {
    connection: Connection<S>,
    calls: mpsc::Receiver<Pending>,
}

impl<S: AsyncRead + AsyncWrite> Connected<S> {
    /// Carries calls to the agent and answers back; returns why it ended.
    async fn run(mut self) -> Error {
        let mut waiting = BTreeMap::new();
        let (mut number, mut unheard) = (0, 0);
        let mut still = interval(STILL);
        still.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = tokio::select! {
                pending = self.calls.recv() => {
                    let Some(Pending { call, answer }) = pending else {
                        return Error::Replaced;
                    };
                    // Whoever has stopped waiting needs no answer.
                    waiting.retain(|_, answer: &mut oneshot::Sender<_>| !answer.is_closed());
                    number += 1;
                    waiting.insert(number, answer);
                    self.connection.send(&ToAgent::Call { number, call }).await
                }
                message = self.connection.next() => {
                    unheard = 0;
                    match message {
                        Ok(ToController::Answer { number, answer }) => {
                            if let Some(caller) = waiting.remove(&number) {
                                let _gone = caller.send(answer);
                            }
                            Ok(())
                        }
                        Ok(ToController::Here(_) | ToController::Still) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
                _ = still.tick() => {
                    unheard += 1;
                    if unheard > PATIENCE {
                        return Error::Silent { limit: STILL * PATIENCE };
                    }
                    self.connection.send(&ToAgent::Still).await
                }
            };
            if let Err(error) = sent {
                return error;
            }
        }
    }
}

/// A persona through its agent, wherever that runs.
#[derive(Debug, Clone)]
pub struct RemoteGuest {
    agents: Agents,
    persona: PersonaName,
}

impl RemoteGuest {
    async fn call(&self, call: Call) -> Result<Done, GuestError> {
        let asked = async {
            let calls = self.agents.calls(&self.persona)?;
            let (answer, answered) = oneshot::channel();
            calls.send(Pending { call, answer }).await.ok()?;
            drop(calls);
            answered.await.ok()
        };
        match timeout(LIMIT, asked).await {
            Ok(Some(answer)) => answer.map_err(|failure| failure.of(self.persona.clone())),
            Ok(None) => Err(self.silent("it is not connected")),
            Err(_) => Err(self.silent("it took too long")),
        }
    }

    fn silent(&self, why: &str) -> GuestError {
        GuestError::GuestSilent {
            persona: self.persona.clone(),
            source: Some(why.into()),
        }
    }
}

#[async_trait]
impl Guest for RemoteGuest {
    fn persona(&self) -> &PersonaName {
        &self.persona
    }

    async fn interfaces(&self) -> Result<Interfaces, GuestError> {
        match self.call(Call::Interfaces).await? {
            Done::Interfaces(interfaces) => Ok(interfaces),
            Done::Done => Err(self.silent("it answered something else")),
        }
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), GuestError> {
        self.call(Call::SetPlan(plan.clone())).await.map(drop)
    }

    async fn shut_down(&self) -> Result<(), GuestError> {
        self.call(Call::ShutDown).await.map(drop)
    }
}

fn nonce() -> Result<Nonce, Error> {
    let mut nonce = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests;
