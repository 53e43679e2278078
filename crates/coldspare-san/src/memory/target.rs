//! One target of the array: who gets in.

use super::{LoginRefused, Traps, Writing};
use crate::{Admission, Admissions, ArrayTraits, Login, SecretKey, StampKeeper, Volume, chap};

/// A volume, its target, and everything about them.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) volume: Volume,
    pub(super) admissions: Admissions,
    pub(super) damaged: bool,
    pub(super) writings: Vec<Writing>,
    /// The accounts in the order in which they are looked up, with the gaps of those that went.
    accounts: Vec<Option<Admission>>,
    /// Whether the last account was taken away, rather than never made.
    emptied: bool,
}

impl Target {
    pub(super) fn new(volume: Volume, damaged: bool) -> Self {
        Self {
            volume,
            admissions: Admissions::default(),
            damaged,
            writings: Vec::new(),
            accounts: Vec::new(),
            emptied: false,
        }
    }

    pub(super) fn set(&mut self, wanted: Admissions) {
        for account in &mut self.accounts {
            account.take_if(|admission| !wanted.admitted.contains(admission));
        }
        for new in wanted.admitted.difference(&self.admissions.admitted) {
            match self.accounts.iter_mut().find(|account| account.is_none()) {
                Some(gap) => *gap = Some(new.clone()),
                None => self.accounts.push(Some(new.clone())),
            }
        }
        let had_some = !self.admissions.admitted.is_empty();
        self.emptied = wanted.admitted.is_empty() && (self.emptied || had_some);
        self.admissions = wanted;
    }

    /// What is left of it when the array restarts and has forgotten its configuration.
    pub(super) fn forget(&mut self, stamps: StampKeeper) {
        let stamp = match stamps {
            StampKeeper::File => self.admissions.stamp,
            StampKeeper::Array | StampKeeper::Nobody => Admissions::default().stamp,
        };
        self.admissions = Admissions {
            stamp,
            ..Admissions::default()
        };
        self.accounts.clear();
        self.emptied = false;
    }

    /// The admission that lets that login in; none if a hole does.
    pub(super) fn admission_for(
        &self,
        login: &Login,
        key: &SecretKey,
        traits: ArrayTraits,
        traps: &Traps,
    ) -> Result<Option<&Admission>, LoginRefused> {
        let is_open = self.emptied && traits.opens_when_last_account_goes;
        if is_open || !self.admissions.foreign.is_empty() {
            return Ok(None);
        }
        let gap = self.accounts.iter().position(Option::is_none);
        let seen = gap
            .filter(|_| traps.second_account_locks_out)
            .unwrap_or(self.accounts.len());
        let mut refused = LoginRefused::NotFound;
        for admission in self.accounts[..seen].iter().flatten() {
            if !fits(admission, login, traits, traps) {
                continue;
            }
            if !traits.binds_by_secret || knows_secret(admission, login, key) {
                return Ok(Some(admission));
            }
            refused = LoginRefused::Authentication;
        }
        Err(refused)
    }
}

fn fits(admission: &Admission, login: &Login, traits: ArrayTraits, traps: &Traps) -> bool {
    let name = &admission.initiator;
    let by_name = name.as_str() == login.initiator
        || (!traps.names_byte_for_byte && name.is(&login.initiator));
    let by_address = admission.addresses.contains(&login.source);
    if traits.rules_are_ored {
        by_name || (by_address && traits.binds_by_address)
    } else {
        by_name && (by_address || !traits.binds_by_address)
    }
}

fn knows_secret(admission: &Admission, login: &Login, key: &SecretKey) -> bool {
    let Admission {
        initiator,
        server,
        generation,
        ..
    } = admission;
    let right = chap(key, initiator, server, *generation);
    login
        .chap
        .as_ref()
        .is_some_and(|offered| offered.matches(&right))
}
