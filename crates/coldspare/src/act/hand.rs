//! Finding the right device, and the few things that need more than one call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare_bmc as bmc;
use coldspare_names::{ArrayName, PersonaName, PortName, ServerName, SwitchName};
use coldspare_network as network;
use coldspare_san as san;
use futures::future::select;
use tokio::time::sleep;

use super::{Give, Hindrance, LookAgain, Obstacle, Order, PAUSE, in_full};
use crate::devices::Devices;
use crate::fence::{self, Evidence, FenceProof, Piece, Seat, Seen};
use crate::site::Site;
use crate::step::Boot;
use crate::workload::{Progress, Workload};

/// The devices of a site at hand.
pub(super) struct Hand<'a> {
    pub(super) devices: &'a Devices,
    pub(super) site: &'a Site,
}

impl<'a> Hand<'a> {
    pub(super) fn bmc(&self, server: &ServerName) -> Result<&'a dyn bmc::Bmc, String> {
        let found = self.devices.bmcs.get(server);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| format!("no management controller for {server}"))
    }

    pub(super) fn array(&self, array: &ArrayName) -> Result<&'a dyn san::Array, String> {
        let found = self.devices.arrays.get(array);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| format!("no array {array}"))
    }

    pub(super) fn switch(&self, switch: &SwitchName) -> Result<&'a dyn network::Switch, String> {
        let found = self.devices.switches.get(switch);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| format!("no switch {switch}"))
    }

    fn identity(&self, server: &ServerName) -> Result<bmc::Identity, String> {
        self.site
            .identity(server)
            .ok_or_else(|| format!("no server {server}"))
    }

    fn timing(&self, server: &ServerName) -> bmc::Timing {
        let Some(policy) = self.site.policy_of(server) else {
            return bmc::Timing::default();
        };
        bmc::Timing {
            pause: policy.off_pause,
            limit: policy.call_limits.bmc,
            ..bmc::Timing::default()
        }
    }

    pub(super) async fn power_off(&self, server: &ServerName) -> Result<Piece, String> {
        let (identity, timing) = (self.identity(server)?, self.timing(server));
        let off = bmc::prove_off(self.bmc(server)?, &identity, &timing)
            .await
            .map_err(in_full)?;
        Ok(Piece::new(server.clone(), Seen::Off(off)))
    }

    pub(super) async fn disarm(&self, server: &ServerName) -> Result<Piece, String> {
        let (identity, timing) = (self.identity(server)?, self.timing(server));
        let disarmed = bmc::disarm(self.bmc(server)?, &identity, &timing)
            .await
            .map_err(in_full)?;
        Ok(Piece::new(server.clone(), Seen::Disarmed(disarmed)))
    }

    pub(super) async fn power_on(&self, server: &ServerName) -> Result<(), String> {
        let (identity, timing) = (self.identity(server)?, self.timing(server));
        bmc::power_on(self.bmc(server)?, &identity, &timing)
            .await
            .map_err(in_full)
    }

    pub(super) async fn shut_out(
        &self,
        array: &ArrayName,
        request: &san::ShutOut,
        limit: Duration,
    ) -> Result<Piece, String> {
        let patience = san::Patience {
            limit,
            pause: PAUSE,
        };
        let seen = san::shut_out(self.array(array)?, request, patience)
            .await
            .map_err(in_full)?;
        Ok(Piece::new(request.server.clone(), Seen::ShutOut(seen)))
    }

    pub(super) async fn park(
        &self,
        server: &ServerName,
        switch: &SwitchName,
        ports: &BTreeSet<PortName>,
    ) -> Result<Piece, String> {
        let parked = network::park(self.switch(switch)?, ports)
            .await
            .map_err(in_full)?;
        Ok(Piece::new(server.clone(), Seen::Parked(parked)))
    }

    pub(super) async fn configure(
        &self,
        persona: &PersonaName,
        plan: &network::GuestPlan,
    ) -> Result<(), String> {
        let guest = self
            .devices
            .guests
            .get(persona)
            .ok_or("it has no agent to ask")?;
        guest.set_plan(plan).await.map_err(in_full)?;
        let found = guest.interfaces().await.map_err(in_full)?.configured;
        if found == *plan {
            return Ok(());
        }
        Err(format!(
            "the interfaces are not as they were set, {plan:?}, but {found:?}"
        ))
    }

    fn workload(&self, persona: &PersonaName) -> Result<&'a dyn Workload, String> {
        let found = self.devices.workloads.get(persona);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| format!("no workload for {persona}"))
    }

    pub(super) async fn leave(&self, persona: &PersonaName) -> Result<Progress, String> {
        self.workload(persona)?.leave().await.map_err(in_full)
    }

    pub(super) async fn ready(&self, persona: &PersonaName) -> Result<Progress, String> {
        self.workload(persona)?.ready().await.map_err(in_full)
    }

    pub(super) async fn rejoin(&self, persona: &PersonaName) -> Result<Progress, String> {
        self.workload(persona)?.rejoin().await.map_err(in_full)
    }

    pub(super) async fn rebalance(&self, persona: &PersonaName) -> Result<Progress, String> {
        self.workload(persona)?.rebalance().await.map_err(in_full)
    }

    pub(super) async fn arm(&self, server: &ServerName, boot: &Boot) -> Result<(), String> {
        let identity = self.identity(server)?;
        let reading = self.bmc(server)?.read().await.map_err(in_full)?;
        if reading.power != bmc::PowerState::Off {
            return Err(format!("{server} is not off but {}", reading.power));
        }
        let array = self.array(&boot.image.array)?;
        let volumes = array.volumes().await.map_err(in_full)?;
        let image = volumes
            .into_iter()
            .find(|volume| volume.name == boot.image.volume);
        let image = image.ok_or_else(|| format!("{} does not exist", boot.image))?;
        let portals = array.portals().await.map_err(in_full)?;

        let secret = san::chap(
            &self.devices.san_key,
            &boot.initiator,
            server,
            boot.generation,
        );
        let chap = bmc::Chap::new(secret.user, secret.secret).map_err(in_full)?;
        let source = bmc::BootSource::Iscsi(bmc::IscsiBoot {
            initiator: boot.initiator.clone(),
            initiator_addresses: boot.initiator_addresses.clone(),
            target: image.target,
            portals: portals.into_iter().map(Into::into).collect(),
            lun: image.lun.groups()[0],
            chap: Some(chap),
            generation: boot.generation,
        });
        let set = bmc::arm(self.bmc(server)?, &identity, &source, &self.timing(server)).await;
        set.map(drop).map_err(in_full)
    }

    /// Asks the operating system to shut down and waits until the server reads Off. Nobody is
    /// asked where it is off already.
    pub(super) async fn shut_down(
        &self,
        persona: &PersonaName,
        server: &ServerName,
        agent: bool,
        limit: Duration,
    ) -> Result<(), String> {
        let (bmc, identity) = (self.bmc(server)?, self.identity(server)?);
        let timing = self.timing(server);
        if !agent {
            let timing = bmc::Timing { limit, ..timing };
            let off = bmc::shut_down(bmc, &identity, &timing).await;
            return off.map(drop).map_err(in_full);
        }
        let guest = self
            .devices
            .guests
            .get(persona)
            .ok_or("it has no agent to ask")?;
        let mut asked = false;
        while bmc::read_off(bmc, &identity, &timing).await.is_err() {
            if !asked {
                guest.shut_down().await.map_err(in_full)?;
                asked = true;
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Looks again at every server the persona was taken from; the outcome is the seat.
    pub(super) async fn seat(&self, order: &Order) -> Result<Seat, Hindrance> {
        let unproven = |reason| Hindrance(Obstacle::Unproven, reason);
        let give = order.give.as_ref();
        let Give { holder, taken_from } = give.ok_or("nobody said to whom".to_owned())?;
        let look = taken_from
            .iter()
            .map(|(at, evidence)| self.look_again(at, evidence));
        let proofs = futures::future::try_join_all(look)
            .await
            .map_err(unproven)?;
        let demands: Vec<_> = taken_from.iter().map(|(at, _)| at.demand.clone()).collect();
        let seat = Seat::take(holder, &demands, &proofs);
        seat.map_err(|missing| unproven(in_full(missing)))
    }

    async fn look_again(
        &self,
        at: &LookAgain,
        journalled: &Evidence,
    ) -> Result<FenceProof, String> {
        let demand = &at.demand;
        if let Evidence::Operator { by } = journalled {
            return Ok(fence::stated(
                by.clone(),
                demand.server.clone(),
                demand.up_to,
            ));
        }
        let shut_out = at.shut_out.iter().map(|(array, request)| async move {
            let seen = san::read_shut_out(self.array(array)?, request)
                .await
                .map_err(in_full)?;
            Ok::<_, String>(Piece::new(request.server.clone(), Seen::ShutOut(seen)))
        });
        let mut pieces = futures::future::try_join_all(shut_out).await?;
        // Either will do: what was off then may have lost all power since, its controller's too,
        // and who does not answer must not hold up who does.
        let off = Box::pin(self.still_off(&demand.server));
        let parked = Box::pin(self.still_parked(at));
        let (first, other) = select(off, parked).await.factor_first();
        let mut troubles = Vec::new();
        take_note(first, &mut pieces, &mut troubles);
        if let Ok(proof) = fence::prove(demand, &pieces) {
            return Ok(proof);
        }
        take_note(other.await, &mut pieces, &mut troubles);
        fence::prove(demand, &pieces)
            .map_err(|missing| format!("{missing} ({})", troubles.join("; ")))
    }

    async fn still_off(&self, server: &ServerName) -> Result<Vec<Piece>, String> {
        // The pause was waited out when it was fenced; here it only has to be so still.
        let timing = bmc::Timing {
            pause: Duration::ZERO,
            ..self.timing(server)
        };
        let (bmc, identity) = (self.bmc(server)?, self.identity(server)?);
        let off = bmc::read_off(bmc, &identity, &timing)
            .await
            .map_err(in_full)?;
        let mut pieces = vec![Piece::new(server.clone(), Seen::Off(off))];
        if !self.devices.bind() {
            let disarmed = bmc::disarm(bmc, &identity, &timing)
                .await
                .map_err(in_full)?;
            pieces.push(Piece::new(server.clone(), Seen::Disarmed(disarmed)));
        }
        Ok(pieces)
    }

    async fn still_parked(&self, at: &LookAgain) -> Result<Vec<Piece>, String> {
        let mut by_switch: BTreeMap<&SwitchName, BTreeSet<PortName>> = BTreeMap::new();
        for port in &at.demand.ports {
            by_switch
                .entry(&port.switch)
                .or_default()
                .insert(port.port.clone());
        }
        let looks = by_switch.into_iter().map(|(switch, ports)| async move {
            let seen = network::read_parked(self.switch(switch)?, &ports)
                .await
                .map_err(in_full)?;
            Ok::<_, String>(Piece::new(at.demand.server.clone(), Seen::Parked(seen)))
        });
        futures::future::try_join_all(looks).await
    }
}

fn take_note(
    seen: Result<Vec<Piece>, String>,
    pieces: &mut Vec<Piece>,
    troubles: &mut Vec<String>,
) {
    match seen {
        Ok(seen) => pieces.extend(seen),
        Err(trouble) => troubles.push(trouble),
    }
}
