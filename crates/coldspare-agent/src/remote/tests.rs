mod suite;

use coldspare_network::Link;
use coldspare_network::memory::MemoryGuest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;
use crate::{Applicant, Control, Identity};

fn persona() -> PersonaName {
    "exchange-1".parse().unwrap()
}

fn key(number: u8) -> AgentKey {
    AgentKey::new([number; 32]).unwrap()
}

fn expected(generation: u8) -> Expected {
    Expected {
        generation: Generation::new(generation.into()),
        key: key(generation),
        slot: Slot::new(7).unwrap(),
        period: Duration::from_millis(250),
        machine: Some(Uuid::from_u128(1)),
    }
}

fn expecting(generations: &[u8]) -> Agents {
    let agents = Agents::new();
    expect(&agents, generations);
    agents
}

fn expect(agents: &Agents, generations: &[u8]) {
    agents.expect(
        generations
            .iter()
            .map(|number| (persona(), expected(*number))),
    );
}

fn applicant(generation: u8) -> Applicant {
    let expected = expected(generation);
    let identity = Identity {
        generation: expected.generation,
        key: expected.key,
    };
    Applicant {
        persona: persona(),
        identity,
        machine: expected.machine,
    }
}

/// A connection to the controller, and what becomes of its end there.
fn dial(agents: &Agents) -> (DuplexStream, JoinHandle<Error>) {
    let (here, there) = duplex(4 << 10);
    let agents = agents.clone();
    let end = tokio::spawn(async move {
        match agents.take(there).await {
            Ok(connected) => connected.run().await,
            Err(error) => error,
        }
    });
    (here, end)
}

async fn apply(agents: &Agents, applicant: &Applicant) -> Result<Control<DuplexStream>, Error> {
    applicant.apply(dial(agents).0, [1; 16]).await
}

fn memory_guest() -> MemoryGuest {
    MemoryGuest::new(
        persona(),
        [[2, 0, 0, 0, 0, 1].into(), [2, 0, 0, 0, 0, 2].into()],
    )
}

/// An agent at work.
async fn connected(agents: &Agents, generation: u8, guest: MemoryGuest) -> JoinHandle<Error> {
    let control = apply(agents, &applicant(generation)).await.unwrap();
    tokio::spawn(async move { control.serve(&guest).await })
}

#[tokio::test]
async fn an_agent_that_proves_itself_learns_its_slot_and_its_period() {
    let control = apply(&expecting(&[3]), &applicant(3)).await.unwrap();
    let Expected { slot, period, .. } = expected(3);
    assert_eq!(control.welcome(), Welcome { slot, period });
}

#[tokio::test]
async fn whoever_lacks_the_key_is_not_connected() {
    let agents = expecting(&[3]);
    let mut stranger = applicant(3);
    stranger.identity.key = key(9);
    let (stream, end) = dial(&agents);
    stranger.apply(stream, [1; 16]).await.unwrap_err();
    assert!(matches!(end.await.unwrap(), Error::NotProven));
    agents.guest(persona()).interfaces().await.unwrap_err();
}

#[tokio::test]
async fn a_controller_that_lacks_the_key_gets_nothing_from_an_agent() {
    let impostor = Agents::new();
    let wrong = Expected {
        key: key(9),
        ..expected(3)
    };
    impostor.expect([(persona(), wrong)]);
    apply(&impostor, &applicant(3)).await.unwrap_err();

    // One that takes whatever it is told.
    let (here, there) = duplex(4 << 10);
    let liar = tokio::spawn(async move {
        let mut frames = Frames::new(there);
        let hello = frames.next().await.unwrap();
        let greeting = encode(&Greeting::Nonce([0; 16])).unwrap();
        frames.send(&greeting).await.unwrap();
        frames.next().await.unwrap();
        let mut connection = Connection::of_controller(frames, &key(9), &hello, &greeting);
        let Expected { slot, period, .. } = expected(3);
        let welcome = ToAgent::Welcome(Welcome { slot, period });
        connection.send(&welcome).await.unwrap();
        connection
    });
    let error = applicant(3).apply(here, [1; 16]).await.unwrap_err();
    assert!(matches!(error, Error::NotProven), "{error}");
    drop(liar.await);
}

#[tokio::test]
async fn only_who_is_expected_is_taken_and_others_are_told_why() {
    let agents = expecting(&[3]);
    let refusal = async |applicant: Applicant| match apply(&agents, &applicant).await {
        Err(Error::Refused(refusal)) => Some(refusal),
        _ => None,
    };
    assert_eq!(refusal(applicant(2)).await, Some(Refusal::OldGeneration));
    assert_eq!(
        refusal(applicant(4)).await,
        Some(Refusal::UnknownGeneration)
    );
    let stranger = Applicant {
        persona: "exchange-2".parse().unwrap(),
        ..applicant(3)
    };
    assert_eq!(refusal(stranger).await, Some(Refusal::UnknownPersona));
    let elsewhere = Applicant {
        machine: Some(Uuid::from_u128(2)),
        ..applicant(3)
    };
    assert_eq!(refusal(elsewhere).await, Some(Refusal::OtherMachine));
}

#[tokio::test]
async fn an_agent_whose_generation_is_over_is_disconnected_and_does_not_come_back() {
    let agents = expecting(&[3]);
    let former = connected(&agents, 3, memory_guest()).await;
    agents.guest(persona()).interfaces().await.unwrap();
    expect(&agents, &[4]);
    former.await.unwrap();
    apply(&agents, &applicant(3)).await.unwrap_err();
    agents.guest(persona()).interfaces().await.unwrap_err();
}

#[tokio::test]
async fn an_agent_that_is_expected_as_before_stays_connected() {
    let agents = expecting(&[3]);
    let _agent = connected(&agents, 3, memory_guest()).await;
    expect(&agents, &[3, 4]);
    agents.guest(persona()).shut_down().await.unwrap();
}

#[tokio::test]
async fn of_two_generations_the_newer_is_called() {
    let agents = expecting(&[3, 4]);
    let (former, newer) = (memory_guest(), memory_guest());
    let _former = connected(&agents, 3, former.clone()).await;
    let _newer = connected(&agents, 4, newer.clone()).await;
    agents.guest(persona()).shut_down().await.unwrap();
    assert!(newer.is_shutting_down() && !former.is_shutting_down());
}

#[tokio::test]
async fn an_agent_that_connects_anew_takes_its_own_place() {
    let agents = expecting(&[3]);
    let (before, after) = (memory_guest(), memory_guest());
    let first = connected(&agents, 3, before).await;
    let _second = connected(&agents, 3, after.clone()).await;
    first.await.unwrap();
    agents.guest(persona()).shut_down().await.unwrap();
    assert!(after.is_shutting_down());
}

#[tokio::test]
async fn what_was_said_once_is_worth_nothing_when_it_is_repeated() {
    let agents = expecting(&[3]);
    let hello = encode(&Hello {
        version: VERSION,
        persona: persona(),
        generation: Generation::new(3),
        nonce: [1; 16],
    });
    let hello = hello.unwrap();
    let here = encode(&ToController::Here(Here { machine: None })).unwrap();
    let shake = async |sealed: Option<Vec<u8>>| {
        let (stream, end) = dial(&agents);
        let mut frames = Frames::new(stream);
        frames.send(&hello).await.unwrap();
        let greeting = frames.next().await.unwrap();
        let mut session = crate::seal::Session::new(&key(3), &hello, &greeting);
        let sealed = sealed.unwrap_or_else(|| session.to_controller.seal(here.clone()));
        frames.send(&sealed).await.unwrap();
        (sealed, frames.next().await.is_ok(), end)
    };
    let (overheard, taken, _end) = shake(None).await;
    assert!(taken);
    let (_, taken, end) = shake(Some(overheard)).await;
    assert!(!taken);
    assert!(matches!(end.await.unwrap(), Error::NotProven));
}

#[tokio::test]
async fn a_message_that_claims_to_be_long_is_refused_before_it_is_read() {
    let (mut stream, end) = dial(&expecting(&[3]));
    stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    let error = end.await.unwrap();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn garbage_ends_a_connection() {
    let (mut stream, end) = dial(&expecting(&[3]));
    stream.write_all(b"\0\0\0\x04GET ").await.unwrap();
    assert!(matches!(end.await.unwrap(), Error::Malformed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_says_nothing_is_let_go() {
    let (mut stream, end) = dial(&expecting(&[3]));
    assert!(matches!(end.await.unwrap(), Error::Silent { .. }));
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_falls_silent_is_noticed_at_the_other() {
    let agents = expecting(&[3]);
    let (stream, end) = dial(&agents);
    let control = applicant(3).apply(stream, [1; 16]).await.unwrap();
    // It is there, and does nothing: as when its machine lost its power.
    assert!(matches!(end.await.unwrap(), Error::Silent { .. }));
    agents.guest(persona()).interfaces().await.unwrap_err();
    drop(control);

    // A proxy that goes on reading and says nothing.
    let (agent_end, mut proxy) = duplex(4 << 10);
    let (mut stream, _end) = dial(&agents);
    let proxied = tokio::spawn(async move { applicant(3).apply(agent_end, [2; 16]).await });
    let mut buffer = [0; 4 << 10];
    for _ in 0..2 {
        let length = proxy.read(&mut buffer).await.unwrap();
        stream.write_all(&buffer[..length]).await.unwrap();
        let length = stream.read(&mut buffer).await.unwrap();
        proxy.write_all(&buffer[..length]).await.unwrap();
    }
    let control = proxied.await.unwrap().unwrap();
    tokio::spawn(async move { while proxy.read(&mut buffer).await.is_ok_and(|read| read > 0) {} });
    let error = control.serve(&memory_guest()).await;
    assert!(matches!(error, Error::Silent { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_call_to_an_operating_system_that_hangs_ends() {
    let agents = expecting(&[3]);
    let guest = memory_guest();
    guest.set_latency(Duration::from_hours(1));
    let _agent = connected(&agents, 3, guest.clone()).await;
    let error = agents.guest(persona()).interfaces().await.unwrap_err();
    assert!(matches!(error, GuestError::GuestSilent { .. }), "{error}");
    guest.set_latency(Duration::ZERO);
    agents.guest(persona()).interfaces().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_ends_the_calls_under_way() {
    let agents = expecting(&[3]);
    let guest = memory_guest();
    guest.set_latency(Duration::from_hours(1));
    let agent = connected(&agents, 3, guest).await;
    let remote = agents.guest(persona());
    let call = tokio::spawn(async move { remote.interfaces().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    agent.abort();
    call.await.unwrap().unwrap_err();
}
