//! A part of a site: one of its pools, for a controller that looks after that pool alone.

use std::collections::BTreeSet;

use coldspare_exchange::DagName;
use coldspare_names::PoolName;

use super::Site;

/// Why a pool cannot be looked after alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Indivisible {
    /// There is no such pool.
    #[error("the site has no pool {pool}; its pools: {}", join(pools))]
    NoPool {
        /// The pool.
        pool: PoolName,
        /// Those that there are.
        pools: Vec<PoolName>,
    },
    /// A database availability group has members in this pool and in another one: whoever leads
    /// one of them back must know the others.
    #[error("{dag} has members in {pool} and in {other}: one controller must look after both")]
    Group {
        /// The group.
        dag: DagName,
        /// The pool.
        pool: PoolName,
        /// The other one.
        other: PoolName,
    },
}

fn join(pools: &[PoolName]) -> String {
    let pools: Vec<_> = pools.iter().map(PoolName::as_str).collect();
    pools.join(", ")
}

impl Site {
    /// The site of a controller that looks after one pool: its servers and personas, their groups
    /// and switches. Networks and arrays are those of all, since a server is shut out of every array
    /// there is. Parts of different pools share no server, persona or group.
    pub fn of_pool(&self, pool: &PoolName) -> Result<Self, Indivisible> {
        if !self.pools.contains_key(pool) {
            return Err(Indivisible::NoPool {
                pool: pool.clone(),
                pools: self.pools.keys().cloned().collect(),
            });
        }
        let mut part = self.clone();
        part.pools.retain(|name, _| name == pool);
        part.servers.retain(|_, of| of.server.pool == *pool);
        part.personas.retain(|_, of| of.persona.pool == *pool);
        let nics = part.servers.values().flat_map(|of| of.server.nics.values());
        let cabled: BTreeSet<_> = nics.map(|nic| &nic.cable.switch).collect();
        part.switches.retain(|switch, _| cabled.contains(switch));
        for (name, group) in &self.dags {
            let members = group.personas.values();
            let pools = members.filter_map(|it| Some(&self.personas.get(it)?.persona.pool));
            let (ours, others): (Vec<_>, Vec<_>) = pools.partition(|of| *of == pool);
            match others.first() {
                None => {}
                Some(_) if ours.is_empty() => drop(part.dags.remove(name)),
                Some(other) => {
                    return Err(Indivisible::Group {
                        dag: name.clone(),
                        pool: pool.clone(),
                        other: (*other).clone(),
                    });
                }
            }
        }
        Ok(part)
    }
}
