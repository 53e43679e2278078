//! The contract of a guest, through the whole path: TCP, proofs, calls.

use coldspare_network::conformance::guest::{Rig, check};
use macaddr::MacAddr6;
use tokio::net::TcpStream;

use super::*;

/// A guest and whoever carries its calls.
#[derive(Debug)]
struct Through {
    remote: RemoteGuest,
    tasks: [tokio::task::AbortHandle; 2],
}

impl Drop for Through {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

#[async_trait]
impl Guest for Through {
    fn persona(&self) -> &PersonaName {
        self.remote.persona()
    }

    async fn interfaces(&self) -> Result<Interfaces, GuestError> {
        self.remote.interfaces().await
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), GuestError> {
        self.remote.set_plan(plan).await
    }

    async fn shut_down(&self) -> Result<(), GuestError> {
        self.remote.shut_down().await
    }
}

#[derive(Default)]
struct LoopbackRig {
    current: Mutex<Option<MemoryGuest>>,
}

impl LoopbackRig {
    fn current(&self) -> MemoryGuest {
        self.current.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Rig for LoopbackRig {
    async fn fresh(&self) -> Box<dyn Guest> {
        let guest = memory_guest();
        *self.current.lock().unwrap() = Some(guest.clone());
        let agents = expecting(&[3]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let listening = agents.clone();
        let serving = tokio::spawn(async move { listening.serve(listener).await });
        let control = applicant(3).apply(stream.await.unwrap(), [1; 16]).await;
        let control = control.unwrap();
        let agent = tokio::spawn(async move { control.serve(&guest).await });
        Box::new(Through {
            remote: agents.guest(persona()),
            tasks: [serving.abort_handle(), agent.abort_handle()],
        })
    }

    fn nics(&self) -> [MacAddr6; 2] {
        [[2, 0, 0, 0, 0, 1].into(), [2, 0, 0, 0, 0, 2].into()]
    }

    async fn set_link(&self, nic: MacAddr6, link: Link) {
        self.current().set_link(nic, link);
    }

    async fn is_shutting_down(&self) -> bool {
        self.current().is_shutting_down()
    }
}

#[tokio::test]
async fn a_guest_behind_its_agent_passes_the_suite() {
    let violations = check(&LoopbackRig::default()).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn the_agents_own_words_come_through() {
    let rig = LoopbackRig::default();
    let guest = rig.fresh().await;
    let plan = GuestPlan {
        nics: [(1.try_into().unwrap(), [2, 0, 0, 0, 9, 9].into())].into(),
        ..GuestPlan::default()
    };
    let error = guest.set_plan(&plan).await.unwrap_err();
    let GuestError::GuestRefused { reason, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(reason, "the plan names a NIC that is not here");
}
