//! Controllers that lack one safeguard, so that the model shows what each is there for.

use std::sync::Arc;

use coldspare::act::Order;
use coldspare::step::{Kind, Step};
use coldspare_network::Membership;

use crate::line::UnderWay;
use crate::plant::{Iron, Plant};

/// What a controller lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Nothing: it is the real one.
    Nothing,
    /// It does nothing, and says why it could not.
    Deeds,
    /// It takes nothing away, and gives without having looked.
    Proof,
    /// Its commits expect no term.
    Term,
    /// As a new leader it gives at once.
    Wait,
}

/// A step of a hand that says everything is taken, and does not look: it was told so by a world in
/// which nobody but the new holder can act.
pub(crate) fn blindly(iron: &Arc<Iron>, order: Arc<Order>, plant: &Plant) -> UnderWay {
    let holder = match &order.step {
        Step::Admit { admission, .. } => Some(admission.server.clone()),
        Step::PowerOn { server, .. } => Some(server.clone()),
        _ => None,
    };
    let mut pretended = plant.clone();
    for (name, server) in &mut pretended.servers {
        if Some(name) != holder.as_ref() {
            server.mains = true;
            server.turn(false);
            pretended.ports.insert(iron.port(name), Membership::Parked);
            let admitted = pretended
                .volumes
                .values_mut()
                .map(|volume| &mut volume.admitted);
            admitted.for_each(|admitted| admitted.retain(|of| of.server != *name));
        }
    }
    let mut step = UnderWay::beginning(order, &pretended);
    match step.order.step.kind() {
        Kind::Take => step.made = usize::MAX,
        Kind::Give => {
            let (calls, _) = step.go_on(iron, &mut pretended, usize::MAX);
            // From the reading before the first change on it is told the truth.
            let change = calls.iter().position(|changes| *changes);
            step.made = change.map_or(usize::MAX, |index| index.saturating_sub(1));
        }
        Kind::Leave | Kind::Prepare | Kind::Then => step.began = plant.clone(),
    }
    step
}
