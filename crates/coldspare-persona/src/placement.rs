//! Placement: which server is to wear which persona, and for every other server why not.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use coldspare_names::{PersonaName, ServerName};
use serde::{Deserialize, Serialize};

mod claim;
mod fitness;
mod matching;
mod refusal;
mod remedy;
#[cfg(test)]
mod tests;

pub use claim::{Candidate, Claim, LastResort, NetworkNeed, Power};
pub use refusal::{Refusal, Warning};
pub use remedy::Remedy;

use fitness::{Fitness, assess};
use matching::{Seating, Wish, seat};

/// Where a persona is to go, and why nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Placement {
    /// The persona.
    pub persona: PersonaName,
    /// Its new home; none if no server is left for it.
    pub choice: Option<Choice>,
    /// For every other candidate, everything that speaks against it: never nothing.
    pub refused: BTreeMap<ServerName, Vec<Refusal>>,
}

/// The server that a persona gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Choice {
    /// The server.
    pub server: ServerName,
    /// Whether it is the last resort: the persona's own server, to be started again.
    pub in_place: bool,
    /// What it lacks, though the persona can do without. Empty if it fits in full.
    pub warnings: Vec<Warning>,
}

/// Places personas on servers: one answer a persona, higher priority first, then by name.
///
/// * As many are placed as can be, and whom to leave out is decided by priority alone: nobody is
///   left out for the sake of one of lower priority.
/// * Each gets the best server that is left: one that has not failed before one that has, and of
///   those the one whose failure is longest ago, so that each gets its turn; then one that fits in
///   full before one that lacks something, then the one with the least memory to spare, then the
///   first by name.
/// * The last resort is taken only when no spare is left; where several could take theirs, the
///   one of lowest priority does.
///
/// A persona or a server that is given twice counts once. Personas that must be apart from one
/// another and need a server at the same time belong in separate calls, each told where the ones
/// before it went ([`Claim::peers`]).
pub fn place(claims: &[Claim<'_>], candidates: &[Candidate<'_>]) -> Vec<Placement> {
    let claims = in_order_of_priority(claims);
    let candidates = by_name(candidates);
    let fitness: Vec<Vec<Fitness>> = claims
        .iter()
        .map(|claim| candidates.iter().map(|it| assess(claim, it)).collect())
        .collect();
    let wishes: Vec<Wish> = fitness.iter().map(|row| wish(row, &candidates)).collect();
    let seating = seat(&wishes, candidates.len());
    let round = Round {
        claims,
        candidates,
        fitness,
        seating,
    };
    (0..round.claims.len())
        .map(|it| round.placement(it))
        .collect()
}

/// Once each, higher priority first.
fn in_order_of_priority<'a>(claims: &'a [Claim<'a>]) -> Vec<&'a Claim<'a>> {
    let once: BTreeMap<_, _> = claims.iter().map(|it| (&it.persona.name, it)).collect();
    let mut ordered: Vec<_> = once.into_values().collect();
    ordered.sort_by_key(|claim| Reverse(claim.persona.priority));
    ordered
}

/// Once each.
fn by_name<'a>(candidates: &'a [Candidate<'a>]) -> Vec<&'a Candidate<'a>> {
    let once: BTreeMap<_, _> = candidates.iter().map(|it| (&it.server.name, it)).collect();
    once.into_values().collect()
}

/// The seats that one persona wishes for, the best first.
fn wish(row: &[Fitness], candidates: &[&Candidate<'_>]) -> Wish {
    let mut fitting: Vec<usize> = (0..row.len())
        .filter(|server| row[*server].refusals.is_empty())
        .collect();
    fitting.sort_by_key(|server| rank(&row[*server], candidates[*server], *server));
    let own = fitting.pop_if(|server| row[*server].in_place);
    Wish {
        shared: fitting,
        own,
    }
}

/// Smaller is better. Of the servers that fit one persona, the one with the least memory is the
/// one with the least to spare.
fn rank(fitness: &Fitness, candidate: &Candidate<'_>, index: usize) -> impl Ord + use<> {
    let degraded = !fitness.warnings.is_empty();
    let memory = candidate.server.memory;
    let failed_at = candidate.failed_at;
    (fitness.in_place, failed_at, degraded, memory, index)
}

/// Everything that was weighed, with what came of it.
struct Round<'a> {
    claims: Vec<&'a Claim<'a>>,
    candidates: Vec<&'a Candidate<'a>>,
    /// By claim, then by candidate.
    fitness: Vec<Vec<Fitness>>,
    seating: Seating,
}

impl Round<'_> {
    fn placement(&self, claim: usize) -> Placement {
        let chosen = self.seating.seat_of[claim];
        let others = (0..self.candidates.len()).filter(|server| Some(*server) != chosen);
        Placement {
            persona: self.claims[claim].persona.name.clone(),
            choice: chosen.map(|server| Choice {
                server: self.name_of(server),
                in_place: self.fitness[claim][server].in_place,
                warnings: self.fitness[claim][server].warnings.clone(),
            }),
            refused: others
                .map(|server| (self.name_of(server), self.refusals(claim, server)))
                .collect(),
        }
    }

    fn name_of(&self, server: usize) -> ServerName {
        self.candidates[server].server.name.clone()
    }

    fn refusals(&self, claim: usize, server: usize) -> Vec<Refusal> {
        let fitness = &self.fitness[claim];
        if !fitness[server].refusals.is_empty() {
            return fitness[server].refusals.clone();
        }
        let rank = |server: usize| rank(&fitness[server], self.candidates[server], server);
        match (self.seating.seat_of[claim], self.seating.holder_of[server]) {
            (Some(chosen), _) if rank(chosen) < rank(server) => vec![Refusal::Outranked {
                by: self.name_of(chosen),
            }],
            (_, Some(holder)) => vec![Refusal::TakenBy {
                persona: self.claims[holder].persona.name.clone(),
            }],
            // Does not occur: whoever has no better seat takes one that fits and is free.
            (_, None) => Vec::new(),
        }
    }
}
