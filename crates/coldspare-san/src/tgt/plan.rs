//! Which calls make a target of tgtd what was recorded. Pure: what is shown goes in, calls come out.
//!
//! Every order here has a reason, seen on tgtd 1.0.85:
//!
//! * A target without an account is open to whoever its rules let through, so the **guard** is
//!   bound first and never goes.
//! * Accounts sit in slots. One that leaves a gap locks out those behind it, and **tgtd crashes**
//!   the next time it shows that target. So they are taken from the back, up to the first that
//!   goes, and those that stay are bound again.
//! * An account that is deleted while a target has it bound crashes tgtd too: only those that no
//!   target has bound are deleted ([`idle`]), afterwards.
//! * A login that has shown its secret but is not finished outlives rule and account. It knows its
//!   target by number only, so a revocation gives the target a **new number**: as soon as nobody
//!   is logged in the old one is deleted (tgtd refuses while somebody is), and the half-open login
//!   ends in nothing.

use std::collections::BTreeSet;

use super::shown::Target;
use crate::Chap;
use crate::secret::is_account;

/// What a target is to be.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// Its number, once nobody is logged in to an older one.
    pub(super) number: u32,
    /// The file behind its unit.
    pub(super) image: String,
    /// What initiators take the disk for: it stays, whatever number the target has.
    pub(super) identity: String,
    pub(super) guard: Chap,
    pub(super) accounts: Vec<Chap>,
    pub(super) initiators: BTreeSet<String>,
    /// Accounts and rules that are to be taken away. What is neither wanted nor in here was made
    /// by others, and stays.
    pub(super) leaving: Leaving,
}

/// Accounts and rules that are to be taken away.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaving {
    pub(super) accounts: BTreeSet<String>,
    pub(super) rules: BTreeSet<String>,
}

/// One call of tgtd.
#[derive(Debug, Clone)]
pub(super) enum Call {
    NewTarget {
        number: u32,
        name: String,
    },
    DeleteTarget {
        number: u32,
    },
    NewUnit {
        number: u32,
        image: String,
    },
    NameUnit {
        number: u32,
        identity: String,
    },
    NewAccount(Chap),
    DeleteAccount {
        user: String,
    },
    BindAccount {
        number: u32,
        user: String,
    },
    UnbindAccount {
        number: u32,
        user: String,
    },
    BindInitiator {
        number: u32,
        name: String,
    },
    /// An initiator name or an address: whichever it is.
    UnbindRule {
        number: u32,
        rule: String,
    },
    EndConnection {
        number: u32,
        session: u32,
        connection: u32,
    },
}

impl Call {
    /// Whether somebody may get in, or may still be in, as long as it is not done.
    pub(super) fn takes(&self) -> bool {
        matches!(
            self,
            Self::DeleteTarget { .. } | Self::UnbindAccount { .. } | Self::UnbindRule { .. }
        )
    }
}

/// What is to be called, in this order; nothing if the target is as wanted.
pub(super) fn calls(wanted: &Wanted, shown: &[Target]) -> Vec<Call> {
    let target = shown.iter().find(|target| target.name == wanted.name);
    let stays = |target: &&Target| target.number == wanted.number || !target.connections.is_empty();
    if let Some(target) = target.filter(stays) {
        return changes(wanted, target);
    }
    let number = wanted.number;
    let old = target.map(|target| Call::DeleteTarget {
        number: target.number,
    });
    let new = Call::NewTarget {
        number,
        name: wanted.name.clone(),
    };
    let empty = Target {
        number,
        ..Target::default()
    };
    let made = changes(wanted, &empty);
    old.into_iter().chain([new]).chain(made).collect()
}

/// Within one target: rules go first and come last, so that it is never open before it is whole.
fn changes(wanted: &Wanted, target: &Target) -> Vec<Call> {
    let number = target.number;
    let guarded = target.accounts.first() == Some(&wanted.guard.user);
    // Without its guard in front a target is closed by having no rule of ours.
    let leaves = |rule: &&String| {
        wanted.leaving.rules.contains(*rule) || (!guarded && wanted.initiators.contains(*rule))
    };
    let (leave, stay): (Vec<_>, Vec<_>) = target.rules.iter().partition(leaves);
    let unbind = |rule: &String| Call::UnbindRule {
        number,
        rule: rule.clone(),
    };
    let bind = |name: &String| Call::BindInitiator {
        number,
        name: name.clone(),
    };
    let missing = wanted.initiators.iter().filter(|name| !stay.contains(name));
    let mut calls: Vec<_> = leave.into_iter().map(unbind).collect();
    calls.extend(rearranged(wanted, target));
    calls.extend(unit(wanted, target));
    calls.extend(missing.map(bind));
    calls
}

/// The guard in front, then those that stay in the order in which they are, then the new ones.
fn rearranged(wanted: &Wanted, target: &Target) -> Vec<Call> {
    let number = target.number;
    let leaves = |user: &String| wanted.leaving.accounts.contains(user);
    let stay = target.accounts.iter().filter(|user| !leaves(user));
    let stay = stay.filter(|user| **user != wanted.guard.user);
    let mut order = vec![&wanted.guard.user];
    order.extend(stay);
    let known = |user: &String| target.accounts.contains(user);
    let new = wanted.accounts.iter().map(|account| &account.user);
    order.extend(new.filter(|user| !known(user)));
    let kept = target.accounts.iter().zip(&order);
    let kept = kept.take_while(|(there, wanted)| there == *wanted).count();
    let mut calls = Vec::new();
    for user in target.accounts[kept..].iter().rev() {
        let user = user.clone();
        calls.push(Call::UnbindAccount { number, user });
    }
    for user in &order[kept..] {
        let ours = wanted.accounts.iter().chain([&wanted.guard]);
        let new = ours.filter(|account| account.user == **user && !known(user));
        calls.extend(new.cloned().map(Call::NewAccount));
        let user = (*user).clone();
        calls.push(Call::BindAccount { number, user });
    }
    calls
}

fn unit(wanted: &Wanted, target: &Target) -> Vec<Call> {
    let number = target.number;
    let found = target.units.iter().find(|unit| unit.number == super::UNIT);
    let mut calls = Vec::new();
    if found.is_none() {
        calls.push(Call::NewUnit {
            number,
            image: wanted.image.clone(),
        });
    }
    if found.is_none_or(|unit| unit.identity != wanted.identity) {
        calls.push(Call::NameUnit {
            number,
            identity: wanted.identity.clone(),
        });
    }
    calls
}

/// Accounts of ours that no target has bound: what is left when targets and bindings have gone.
pub(super) fn idle<'a>(accounts: &'a [String], shown: &[Target]) -> impl Iterator<Item = &'a str> {
    let bound: BTreeSet<&str> = shown
        .iter()
        .flat_map(|target| &target.accounts)
        .map(|user| &**user)
        .collect();
    let users = accounts.iter().map(|user| &**user);
    users.filter(move |user| is_account(user) && !bound.contains(user))
}

#[cfg(test)]
mod tests;
