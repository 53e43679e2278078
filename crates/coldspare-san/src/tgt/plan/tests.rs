//! The plan against a model of tgtd with the traps of the real one.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use secrecy::SecretString;

use super::super::shown::{Connection, Unit};
use super::*;

const NAME: &str = "iqn.2026-11.com.example:image";

/// Just enough of tgtd: slots with gaps, refusals, crashes.
#[derive(Debug, Clone, Default)]
struct Model {
    target: Option<Target>,
    slots: Vec<Option<String>>,
    accounts: BTreeSet<String>,
}

impl Model {
    fn shown(&self) -> Vec<Target> {
        assert!(
            !self.slots.contains(&None),
            "shown with a gap: tgtd crashes"
        );
        let mut target = self.target.clone();
        if let Some(target) = &mut target {
            target.accounts = self.slots.iter().flatten().cloned().collect();
        }
        target.into_iter().collect()
    }

    fn make(&mut self, call: &Call) {
        match call {
            Call::NewTarget { number, name } => {
                assert_eq!(self.target, None, "tgtd refuses");
                let (number, name) = (*number, name.clone());
                self.target = Some(Target {
                    number,
                    name,
                    ..Target::default()
                });
            }
            Call::DeleteTarget { .. } => {
                assert!(self.there().connections.is_empty(), "tgtd refuses");
                self.target = None;
                self.slots.clear();
            }
            Call::NewUnit { image, .. } => {
                let path = image.clone();
                let number = super::super::UNIT;
                self.there().units.push(Unit {
                    number,
                    path,
                    ..Unit::default()
                });
            }
            Call::NameUnit { identity, .. } => {
                self.there().units[0].identity.clone_from(identity);
            }
            Call::NewAccount(account) => {
                self.accounts.insert(account.user.clone());
            }
            Call::DeleteAccount { user } => {
                assert!(
                    !self.slots.contains(&Some(user.clone())),
                    "bound: tgtd crashes"
                );
                self.accounts.remove(user);
            }
            Call::BindAccount { user, .. } => {
                assert!(self.accounts.contains(user), "tgtd refuses");
                match self.slots.iter_mut().find(|slot| slot.is_none()) {
                    Some(slot) => *slot = Some(user.clone()),
                    None => self.slots.push(Some(user.clone())),
                }
            }
            Call::UnbindAccount { user, .. } => {
                let slot = self
                    .slots
                    .iter_mut()
                    .find(|slot| slot.as_ref() == Some(user));
                *slot.expect("bound") = None;
                while self.slots.last() == Some(&None) {
                    self.slots.pop();
                }
            }
            Call::BindInitiator { name, .. } => self.there().rules.push(name.clone()),
            Call::UnbindRule { rule, .. } => self.there().rules.retain(|other| other != rule),
            Call::EndConnection { .. } => self.there().connections.clear(),
        }
        assert!(!self.is_open(), "open to everybody after {call:?}");
    }

    fn there(&mut self) -> &mut Target {
        self.target.as_mut().expect("tgtd knows the target")
    }

    /// A rule lets somebody through, and no account stops him.
    fn is_open(&self) -> bool {
        let has_rule = self
            .target
            .as_ref()
            .is_some_and(|target| !target.rules.is_empty());
        has_rule && !self.slots.iter().any(Option::is_some)
    }
}

fn account(user: &str) -> Chap {
    Chap {
        user: user.to_owned(),
        secret: SecretString::from("secret"),
    }
}

fn wanted(number: u32, admitted: &BTreeSet<u8>, revoked: &BTreeSet<u8>) -> Wanted {
    let user = |server: &u8| format!("g{server}-0123456789abcdef");
    let initiator = |server: &u8| format!("iqn.2026-11.com.example:persona-{}", server % 2);
    let initiators: BTreeSet<_> = admitted.iter().map(initiator).collect();
    let rules = revoked.iter().map(initiator);
    Wanted {
        name: NAME.to_owned(),
        number,
        image: "/images/image.img".to_owned(),
        identity: "image".to_owned(),
        guard: account("guard-0123456789abcdef"),
        accounts: admitted
            .iter()
            .map(|server| account(&user(server)))
            .collect(),
        leaving: Leaving {
            accounts: revoked.difference(admitted).map(user).collect(),
            rules: rules.filter(|rule| !initiators.contains(rule)).collect(),
        },
        initiators,
    }
}

/// Everything done, and nothing more to do.
fn settle(model: &mut Model, wanted: &Wanted) {
    for call in calls(wanted, &model.shown()) {
        model.make(&call);
    }
    let accounts: Vec<_> = model.accounts.iter().cloned().collect();
    for user in idle(&accounts, &model.shown()) {
        let user = user.to_owned();
        model.make(&Call::DeleteAccount { user });
    }
    let left = calls(wanted, &model.shown());
    assert!(left.is_empty(), "{left:?}");
}

fn ensure_as(model: &Model, wanted: &Wanted, foreign: bool) {
    let [target] = model.shown().try_into().unwrap();
    let users: BTreeSet<_> = wanted
        .accounts
        .iter()
        .map(|account| &account.user)
        .collect();
    let rules: BTreeSet<_> = target.rules.iter().filter(|rule| *rule != "ALL").collect();
    assert_eq!(target.accounts.first(), Some(&wanted.guard.user));
    assert_eq!(target.accounts[1..].iter().collect::<BTreeSet<_>>(), users);
    assert_eq!(rules, wanted.initiators.iter().collect());
    assert!(foreign || rules.len() == target.rules.len());
    let [unit] = target.units.try_into().unwrap();
    assert_eq!(unit.identity, wanted.identity);
    let known: BTreeSet<_> = model
        .accounts
        .iter()
        .filter(|user| **user != wanted.guard.user)
        .collect();
    assert_eq!(known, users, "accounts that are left over");
}

proptest! {
    #[test]
    fn any_change_ends_as_wanted_wherever_it_is_cut(
        before in btree_set(0..6_u8, 0..5), after in btree_set(0..6_u8, 0..5),
        in_use: bool, foreign: bool, cuts in vec(0..12_usize, 0..4),
    ) {
        let mut model = Model::default();
        settle(&mut model, &wanted(1, &before, &BTreeSet::new()));
        if in_use {
            model.there().connections.push(Connection {
                session: 1,
                number: 0,
                initiator: "somebody".to_owned(),
                source: [10, 20, 0, 11].into(),
            });
        }
        if foreign {
            model.there().rules.push("ALL".to_owned());
        }
        let number = if before.is_subset(&after) { 1 } else { 2 };
        let changed = wanted(number, &after, &before);
        for cut in cuts {
            for call in calls(&changed, &model.shown()).iter().take(cut) {
                model.make(call);
            }
        }
        settle(&mut model, &changed);
        ensure_as(&model, &changed, foreign);
        prop_assert_eq!(model.there().number, if in_use { 1 } else { number });
        // Once nobody is logged in, what is half open ends with the old number.
        model.make(&Call::EndConnection { number, session: 1, connection: 0 });
        settle(&mut model, &changed);
        ensure_as(&model, &changed, foreign);
        prop_assert_eq!(model.there().number, number);
    }

    #[test]
    fn a_target_is_made_whole_wherever_it_is_cut(
        admitted in btree_set(0..6_u8, 0..5), cuts in vec(0..20_usize, 0..4),
    ) {
        let (mut model, wanted) = (Model::default(), wanted(1, &admitted, &BTreeSet::new()));
        for cut in cuts {
            for call in calls(&wanted, &model.shown()).iter().take(cut) {
                model.make(call);
            }
        }
        settle(&mut model, &wanted);
        ensure_as(&model, &wanted, false);
    }
}

#[test]
fn only_accounts_of_ours_that_nobody_has_bound_are_idle() {
    let user = |number: u8| format!("g1-{number:016x}");
    let accounts = [user(1), user(2), "someone".to_owned(), "g1-x".to_owned()];
    let bound = Target {
        accounts: vec![user(2)],
        ..Target::default()
    };
    let found: Vec<_> = idle(&accounts, &[bound]).collect();
    assert_eq!(found, [user(1)]);
}
