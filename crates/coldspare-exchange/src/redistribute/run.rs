//! A redistribution under way: which copy to try next.
//!
//! Members and databases are numbers here, so that a plan for the largest group takes no longer
//! than a person's blink.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;

use super::report::{MoveReport, MoveStatus};
use super::{Balance, PlannedMove};
use crate::switchover::Situation;
use crate::{
    ActivationPolicy, CopyState, Dag, DatabaseName, Member, MemberName, NodeState, Refusal,
    SiteName, switchover,
};

/// The states of copies, found by name.
pub(super) struct States<'a>(Cow<'a, [CopyState]>);

impl<'a> States<'a> {
    pub(super) fn new(copies: &'a [CopyState]) -> Self {
        if copies.is_sorted_by(|one, next| one.copy <= next.copy) {
            return Self(Cow::Borrowed(copies));
        }
        let mut sorted = copies.to_vec();
        sorted.sort_by(|one, other| one.copy.cmp(&other.copy));
        Self(Cow::Owned(sorted))
    }

    fn get(&self, database: &DatabaseName, member: &MemberName) -> Option<&CopyState> {
        let by_name = |state: &CopyState| {
            let of = state.copy.database.cmp(database);
            of.then_with(|| state.copy.member.cmp(member))
        };
        self.0
            .binary_search_by(by_name)
            .ok()
            .map(|index| &self.0[index])
    }
}

/// One copy to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    database: usize,
    copy: usize,
}

struct Copy {
    server: usize,
    preference: NonZeroU8,
    tried: bool,
}

struct Database<'a> {
    name: &'a DatabaseName,
    /// The most preferred first.
    copies: Vec<Copy>,
    active: usize,
    at_start: usize,
    status: MoveStatus,
}

struct Server<'a> {
    name: &'a MemberName,
    of: &'a Member,
    site: usize,
    active: u32,
}

pub(super) struct Run<'a> {
    dag: &'a Dag,
    balance: Balance,
    servers: Vec<Server<'a>>,
    databases: Vec<Database<'a>>,
    sites: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(dag: &'a Dag, balance: Balance) -> Self {
        let sites: BTreeSet<&SiteName> = dag.members.values().map(|of| &of.site).collect();
        let site_of = |name: &SiteName| sites.iter().position(|site| *site == name);
        let servers: Vec<Server<'a>> = dag
            .members
            .iter()
            .map(|(name, of)| Server {
                name,
                of,
                site: site_of(&of.site).unwrap_or_default(),
                active: 0,
            })
            .collect();
        let sites = sites.len();
        let (databases, balance) = (Vec::new(), balance);
        let mut run = Self {
            dag,
            balance,
            servers,
            databases,
            sites,
        };
        for (name, database) in &dag.databases {
            run.add(name, database);
        }
        run
    }

    /// A database whose active copy is on no member stays out of it.
    fn add(&mut self, name: &'a DatabaseName, of: &'a crate::Database) {
        let server = |member: &MemberName| self.servers.binary_search_by(|s| s.name.cmp(member));
        let copies = of.copies.iter().filter_map(|(member, copy)| {
            let (server, preference) = (server(member).ok()?, copy.preference);
            Some(Copy {
                server,
                preference,
                tried: false,
            })
        });
        let mut copies: Vec<Copy> = copies.collect();
        copies.sort_by_key(|copy| copy.preference);
        let here = |copy: &Copy| *self.servers[copy.server].name == of.active;
        if let Some(active) = copies.iter().position(here) {
            self.servers[copies[active].server].active += 1;
            let (at_start, status) = (active, MoveStatus::NoMoveAttempted);
            self.databases.push(Database {
                name,
                copies,
                active,
                at_start,
                status,
            });
        }
    }

    /// The next copy to try.
    pub(super) fn next(&self) -> Option<Attempt> {
        match self.balance {
            Balance::ByActivationPreference => self.to_preferred(),
            Balance::BySiteAndActivationPreference { .. } => {
                self.to_preferred().or_else(|| self.to_emptier_site())
            }
            Balance::IgnoringActivationPreference => self.to_emptier_server(),
        }
    }

    /// From the fullest server that has something to move, to the emptiest that something goes to.
    fn to_preferred(&self) -> Option<Attempt> {
        let per_site = self.active_per_site();
        let fullest = |server: usize| {
            let Server { site, active, .. } = self.servers[server];
            let grouped = matches!(self.balance, Balance::BySiteAndActivationPreference { .. });
            let of_site = if grouped {
                (per_site[site], Reverse(site))
            } else {
                (0, Reverse(0))
            };
            (Reverse((of_site, active)), server)
        };
        let attempts = self
            .databases
            .iter()
            .enumerate()
            .filter_map(|(index, database)| {
                let copy = Self::better(database)?;
                let attempt = Attempt {
                    database: index,
                    copy,
                };
                let (source, target) = self.ends(&attempt);
                let emptiest = (self.servers[target].active, target);
                Some(((fullest(source), emptiest, index), attempt))
            });
        attempts
            .min_by_key(|(place, _)| *place)
            .map(|(_, attempt)| attempt)
    }

    /// The most preferred copy not yet tried, if it is better than the active one. A database is
    /// moved once.
    fn better(database: &Database<'_>) -> Option<usize> {
        if database.status == MoveStatus::MoveSucceeded {
            return None;
        }
        let active = database.copies[database.active].preference;
        let better = database
            .copies
            .iter()
            .take_while(|copy| copy.preference < active);
        better
            .enumerate()
            .find(|(_, copy)| !copy.tried)
            .map(|(index, _)| index)
    }

    /// From the fullest site to the emptiest, to the best copy there, while they differ by more
    /// than is allowed.
    fn to_emptier_site(&self) -> Option<Attempt> {
        let active = self.active_per_site();
        let sites = || active.iter().copied().zip(0..self.sites);
        let (most, fullest) = sites().max_by_key(|(active, site)| (*active, Reverse(*site)))?;
        let (least, emptiest) = sites().min()?;
        if most - least <= self.allowed_delta() {
            return None;
        }
        self.untried(|source, target| {
            self.servers[source].site == fullest && self.servers[target].site == emptiest
        })
    }

    /// From a server to one that has at least two databases fewer. Blocked servers and those that
    /// are not up take no part.
    fn to_emptier_server(&self) -> Option<Attempt> {
        let open = |server: &Server<'_>| {
            server.of.node == NodeState::Up
                && server.of.policy.activation != ActivationPolicy::Blocked
        };
        self.untried(|source, target| {
            let (source, target) = (&self.servers[source], &self.servers[target]);
            open(source) && open(target) && source.active >= target.active + 2
        })
    }

    /// The copy not yet tried between two servers that fit: from the fullest to the emptiest, the
    /// most preferred.
    fn untried(&self, fits: impl Fn(usize, usize) -> bool) -> Option<Attempt> {
        let attempts = self
            .databases
            .iter()
            .enumerate()
            .flat_map(|(index, database)| {
                let copies = database.copies.iter().enumerate();
                let others = copies.filter(|(copy, of)| *copy != database.active && !of.tried);
                others.map(move |(copy, of)| {
                    (
                        of.preference,
                        Attempt {
                            database: index,
                            copy,
                        },
                    )
                })
            });
        let fit = attempts.filter_map(|(preference, attempt)| {
            let (source, target) = self.ends(&attempt);
            let emptiest = (self.servers[target].active, target);
            let place = (
                Reverse(self.servers[source].active),
                source,
                emptiest,
                preference,
            );
            fits(source, target).then_some(((place, attempt.database), attempt))
        });
        fit.min_by_key(|(place, _)| *place)
            .map(|(_, attempt)| attempt)
    }

    fn ends(&self, attempt: &Attempt) -> (usize, usize) {
        let database = &self.databases[attempt.database];
        (
            database.copies[database.active].server,
            database.copies[attempt.copy].server,
        )
    }

    fn active_per_site(&self) -> Vec<u32> {
        let mut active = vec![0; self.sites];
        for server in &self.servers {
            active[server.site] += server.active;
        }
        active
    }

    /// By how many databases the fullest site may exceed the emptiest.
    fn allowed_delta(&self) -> u32 {
        let Balance::BySiteAndActivationPreference { allowed_deviation } = self.balance else {
            return u32::MAX;
        };
        let databases = u32::try_from(self.databases.len()).unwrap_or(u32::MAX);
        let sites = u32::try_from(self.sites).unwrap_or(u32::MAX).max(1);
        let twice = databases
            .saturating_mul(2)
            .saturating_mul(u32::from(allowed_deviation));
        twice.div_ceil(sites.saturating_mul(100)).max(2)
    }

    /// Why a copy cannot be activated: first what the script itself looks at, then what the move
    /// would be refused for.
    pub(super) fn refusals(&self, states: &States<'_>, attempt: &Attempt) -> Vec<Refusal> {
        let barred = self.barred(attempt);
        if !barred.is_empty() {
            return barred;
        }
        let database = &self.databases[attempt.database];
        let (source, target) = self.ends(attempt);
        let [source, target] = [source, target].map(|server| &self.servers[server]);
        let Some(state) = states.get(database.name, target.name) else {
            return vec![Refusal::NoCopy(target.name.clone())];
        };
        let active = states.get(database.name, source.name);
        let situation = Situation {
            active_there: target.active,
            ..Situation::default()
        };
        switchover::refusals(self.dag, active, state, &situation, &BTreeSet::new())
    }

    /// What the script looks at before it tries.
    pub(super) fn barred(&self, attempt: &Attempt) -> Vec<Refusal> {
        let (source, target) = self.ends(attempt);
        let (from, to) = (&self.servers[source], &self.servers[target]);
        let policy = to.of.policy;
        let elsewhere = from.site != to.site;
        let mut barred = Vec::new();
        if policy.activation == ActivationPolicy::Blocked
            || (policy.activation == ActivationPolicy::IntrasiteOnly && elsewhere)
        {
            barred.push(Refusal::Policy(policy.activation));
        }
        if to.of.node != NodeState::Up {
            barred.push(Refusal::NodeNotUp(to.name.clone()));
        }
        let active = to.active;
        let full = policy.maximum_active.filter(|maximum| active >= *maximum);
        barred.extend(full.map(|maximum| Refusal::MaximumActive { active, maximum }));
        if elsewhere && !self.keeps_sites_even(from.site, to.site) {
            barred.push(Refusal::SiteImbalance);
        }
        barred
    }

    /// Whether a move leaves the sites as even as is allowed, or at least no less even.
    fn keeps_sites_even(&self, from: usize, to: usize) -> bool {
        let mut active = self.active_per_site();
        let spread = |active: &[u32]| {
            let most = active.iter().max().copied().unwrap_or_default();
            most - active.iter().min().copied().unwrap_or_default()
        };
        let before = spread(&active);
        active[from] -= 1;
        active[to] += 1;
        let allowed = self.allowed_delta();
        spread(&active) <= allowed || (before > allowed && spread(&active) <= before)
    }

    pub(super) fn planned(&self, attempt: &Attempt) -> PlannedMove {
        let database = &self.databases[attempt.database];
        let (from, to) = (
            &database.copies[database.active],
            &database.copies[attempt.copy],
        );
        PlannedMove {
            database: database.name.clone(),
            from: self.servers[from.server].name.clone(),
            from_preference: from.preference,
            to: self.servers[to.server].name.clone(),
            to_preference: to.preference,
        }
    }

    pub(super) fn succeeded(&mut self, attempt: &Attempt) {
        let (source, target) = self.ends(attempt);
        self.servers[source].active -= 1;
        self.servers[target].active += 1;
        let database = &mut self.databases[attempt.database];
        database.copies[attempt.copy].tried = true;
        database.active = attempt.copy;
        database.status = MoveStatus::MoveSucceeded;
    }

    pub(super) fn failed(&mut self, attempt: &Attempt) {
        let database = &mut self.databases[attempt.database];
        database.copies[attempt.copy].tried = true;
        if database.status == MoveStatus::NoMoveAttempted {
            database.status = MoveStatus::MoveFailed;
        }
    }

    pub(super) fn reports(&self) -> Vec<MoveReport> {
        let report = |database: &Database<'_>| {
            let at = |copy: usize| {
                let Copy {
                    server, preference, ..
                } = database.copies[copy];
                (preference, self.servers[server].name.clone())
            };
            let (start, end) = (at(database.at_start), at(database.active));
            MoveReport {
                db_name: database.name.clone(),
                active_on_preference_at_start: start.0,
                active_server_at_start: start.1,
                active_on_preference_at_end: end.0,
                active_server_at_end: end.1,
                move_status: database.status,
            }
        };
        self.databases.iter().map(report).collect()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let by_site = matches!(self.balance, Balance::BySiteAndActivationPreference { .. });
        if by_site && self.sites < 2 {
            warnings.push("all members are in one site: balanced by preference alone".to_owned());
        }
        let mut left: BTreeMap<&DatabaseName, NonZeroU8> = BTreeMap::new();
        for database in &self.databases {
            let preference = database.copies[database.active].preference;
            if database.status == MoveStatus::NoMoveAttempted && preference > NonZeroU8::MIN {
                left.insert(database.name, preference);
            }
        }
        let left = left.into_iter();
        warnings.extend(left.map(|(name, preference)| {
            format!("{name} was not moved and is active on preference {preference}")
        }));
        warnings
    }
}
