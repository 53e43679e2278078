//! The agent's end of the control connection.

use coldspare_names::PersonaName;
use coldspare_network::{Error as GuestError, Guest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use crate::connection::{Connection, Frames, PATIENCE, STILL, decode, encode, in_time};
use crate::message::{
    Call, Done, Failure, Greeting, Hello, Here, Nonce, ToAgent, ToController, VERSION, Welcome,
};
use crate::{Error, Identity};

/// How long a call may take in the operating system.
const CALL: Duration = Duration::from_secs(6);

/// An agent that asks to be taken.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// Which persona it says it is.
    pub persona: PersonaName,
    /// Under which generation, and what proves it.
    pub identity: Identity,
    /// The machine that it runs on, where the firmware tells.
    pub machine: Option<Uuid>,
}

/// A connection on which both ends have proved themselves.
#[derive(Debug)]
pub struct Control<S> {
    connection: Connection<S>,
    welcome: Welcome,
}

impl Applicant {
    /// Proves itself to whoever listens at the other end of the stream, and lets the other end
    /// prove itself. The nonce is random, and never used again.
    pub async fn apply<S: AsyncRead + AsyncWrite>(
        &self,
        stream: S,
        nonce: [u8; 16],
    ) -> Result<Control<S>, Error> {
        in_time(self.shake_hands(Frames::new(stream), nonce)).await
    }

    async fn shake_hands<S: AsyncRead + AsyncWrite>(
        &self,
        mut frames: Frames<S>,
        nonce: Nonce,
    ) -> Result<Control<S>, Error> {
        let hello = encode(&Hello {
            version: VERSION,
            persona: self.persona.clone(),
            generation: self.identity.generation,
            nonce,
        })?;
        frames.send(&hello).await?;
        let greeting = frames.next().await?;
        if let Greeting::Refused(refusal) = decode(&greeting)? {
            return Err(Error::Refused(refusal));
        }
        let mut connection = Connection::of_agent(frames, &self.identity.key, &hello, &greeting);
        let machine = self.machine;
        connection
            .send(&ToController::Here(Here { machine }))
            .await?;
        match connection.next().await? {
            ToAgent::Welcome(welcome) => Ok(Control {
                connection,
                welcome,
            }),
            ToAgent::Refused(refusal) => Err(Error::Refused(refusal)),
            ToAgent::Call { .. } | ToAgent::Still => Err(Error::NotProven),
        }
    }
}

impl<S: AsyncRead + AsyncWrite> Control<S> {
    /// What the controller said.
    pub fn welcome(&self) -> Welcome {
        self.welcome
    }

    /// Does what the controller asks of the guest, for as long as the connection lasts; returns
    /// why it ended.
    pub async fn serve(mut self, guest: &dyn Guest) -> Error {
        let mut still = interval(STILL);
        still.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unheard = 0;
        loop {
            let sent = tokio::select! {
                message = self.connection.next() => {
                    unheard = 0;
                    match message {
                        Ok(ToAgent::Call { number, call }) => {
                            let answer = carry_out(guest, &call).await;
                            self.connection.send(&ToController::Answer { number, answer }).await
                        }
                        Ok(ToAgent::Welcome(_) | ToAgent::Refused(_) | ToAgent::Still) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
                _ = still.tick() => {
                    unheard += 1;
                    if unheard > PATIENCE {
                        return Error::Silent { limit: STILL * PATIENCE };
                    }
                    self.connection.send(&ToController::Still).await
                }
            };
            if let Err(error) = sent {
                return error;
            }
        }
    }
}

async fn carry_out(guest: &dyn Guest, call: &Call) -> Result<Done, Failure> {
    let done = async {
        Ok::<_, GuestError>(match call {
            Call::Interfaces => Done::Interfaces(guest.interfaces().await?),
            Call::SetPlan(plan) => {
                guest.set_plan(plan).await?;
                Done::Done
            }
            Call::ShutDown => {
                guest.shut_down().await?;
                Done::Done
            }
        })
    };
    match timeout(CALL, done).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Failure::Unknown {
            reason: "the operating system does not answer".to_owned(),
        }),
    }
}
