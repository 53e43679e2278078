//! Questions that the controller asks of the world, and the answers. Asking changes nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use coldspare_bmc as bmc;
use coldspare_heartbeat::{Answer, Path, Ports, Power, Question, Sessions, Testimony};
use coldspare_names::{ArrayName, Generation, PersonaName, PortId, ServerName, Time, VolumeName};
use coldspare_network::Link;
use coldspare_san::{Admissions, LastWrite, Session};
use futures::future::join_all;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::devices::Devices;
use crate::site::Site;

mod lists;
#[cfg(test)]
mod tests;

pub use lists::Lists;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What a witness says of a server.
    Witness {
        /// The server.
        server: ServerName,
        /// What is asked.
        question: Question,
        /// When: handed back with the answer.
        asked: Time,
    },
    /// Whether a server answers at the health monitor of its persona, which has no agent.
    HealthMonitor {
        /// The server.
        server: ServerName,
        /// The health monitor's address.
        address: IpAddr,
        /// When: handed back with the answer.
        asked: Time,
    },
    /// Whether a persona without agent is up: a session of its server under this generation,
    /// opened since, on its image.
    Wears {
        /// The persona.
        persona: PersonaName,
        /// Its server.
        server: ServerName,
        /// The generation.
        generation: Generation,
        /// Sessions opened before that do not count.
        since: Time,
    },
    /// How the whole site is, for a controller that has no record of it.
    Survey,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// To [`Ask::Witness`] and [`Ask::HealthMonitor`].
    Witness {
        /// The server.
        server: ServerName,
        /// What was answered, and when it was asked.
        testimony: Testimony,
    },
    /// To [`Ask::Wears`].
    Wears {
        /// The persona.
        persona: PersonaName,
        /// The generation asked about.
        generation: Generation,
        /// Whether there is such a session.
        wears: bool,
    },
    /// To [`Ask::Survey`].
    Survey(World),
}

/// How a site was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct World {
    /// What each server's management controller says; *off* only if read twice.
    pub power: BTreeMap<ServerName, Power>,
    /// What each array says; an array that does not answer is absent.
    pub arrays: BTreeMap<ArrayName, Found>,
}

/// What one array says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Who is admitted, volume by volume.
    pub admissions: BTreeMap<VolumeName, Admissions>,
    /// Who is logged in.
    pub sessions: Vec<Session>,
}

/// Puts a question to the world. An error is no answer, and no answer is said to be none. Whoever
/// asks much at once shares the lists.
pub async fn answer(
    devices: &Devices,
    site: &Site,
    clock: Clock,
    lists: &Lists,
    ask: Ask,
) -> Answered {
    match ask {
        Ask::Witness {
            server,
            question,
            asked,
        } => {
            let answer = match question {
                Question::Power => Answer::Power(power(devices, site, &server).await),
                Question::Sessions => {
                    let since = (asked, clock.now());
                    Answer::Sessions(sessions(devices, site, lists, since, &server).await)
                }
                Question::Ports => {
                    let since = (asked, clock.now());
                    Answer::Ports(ports(devices, site, lists, since, &server).await)
                }
                Question::Probe(path) => {
                    devices.prober.probe(&server, path);
                    Answer::Probe {
                        path,
                        answered: false,
                    }
                }
            };
            Answered::Witness {
                server,
                testimony: Testimony { asked, answer },
            }
        }
        Ask::HealthMonitor {
            server,
            address,
            asked,
        } => {
            let ping = devices.pinger.answers(address);
            let answered = timeout(site.heartbeat.answer_limit, ping).await;
            let answer = Answer::Probe {
                path: Path::First,
                answered: answered.unwrap_or(false),
            };
            Answered::Witness {
                server,
                testimony: Testimony { asked, answer },
            }
        }
        Ask::Wears {
            persona,
            server,
            generation,
            since,
        } => {
            let wears = wears(devices, site, &persona, &server, generation, since).await;
            Answered::Wears {
                persona,
                generation,
                wears,
            }
        }
        Ask::Survey => Answered::Survey(survey(devices, site).await),
    }
}

/// The value, if it comes within the limit and is no error.
async fn in_time<T, E>(limit: Duration, call: impl Future<Output = Result<T, E>>) -> Option<T> {
    timeout(limit, call).await.ok()?.ok()
}

async fn power(devices: &Devices, site: &Site, server: &ServerName) -> Power {
    let read = async {
        let bmc = devices.bmcs.get(server)?;
        let limit = site.policy_of(server)?.call_limits.bmc;
        let reading = in_time(limit, bmc.read()).await?;
        reading
            .identity
            .matches(&site.identity(server)?)
            .then_some(reading.power)
    };
    match read.await {
        Some(bmc::PowerState::On) => Power::On,
        Some(bmc::PowerState::Off) => Power::Off,
        _ => Power::NoAnswer,
    }
}

/// Every array's sessions of a server together. An array that is silent leaves the question open,
/// unless another one shows the server writing.
async fn sessions(
    devices: &Devices,
    site: &Site,
    lists: &Lists,
    (asked, now): (Time, Time),
    server: &ServerName,
) -> Sessions {
    let Some(policy) = site.policy_of(server) else {
        return Sessions::NoAnswer;
    };
    let limit = policy.call_limits.array;
    let arrays = devices.arrays.iter();
    let listed =
        arrays.map(|(name, array)| timeout(limit, lists.sessions(name, array, asked, now)));
    let listed = join_all(listed).await;

    let addresses = site.san_addresses(server);
    let mut all_known = true;
    let mut latest = None;
    for list in listed {
        let Ok(Some(list)) = list else {
            all_known = false;
            continue;
        };
        for session in addresses.iter().filter_map(|at| list.get(at)).flatten() {
            match *session {
                (LastWrite::At(at), _) | (LastWrite::Never, Some(at)) => {
                    latest = latest.max(Some(at));
                }
                (LastWrite::Unknown, _) | (LastWrite::Never, None) => all_known = false,
            }
        }
    }
    match latest {
        Some(at) if all_known || at + site.heartbeat.idle_limit > now => Sessions::LastWrite(at),
        None if all_known => Sessions::Gone,
        _ => Sessions::NoAnswer,
    }
}

/// Every switch's ports of a server together. A switch that is silent leaves the question open,
/// unless another one sees a link.
async fn ports(
    devices: &Devices,
    site: &Site,
    lists: &Lists,
    (asked, now): (Time, Time),
    server: &ServerName,
) -> Ports {
    let (Some(found), Some(policy)) = (site.servers.get(server), site.policy_of(server)) else {
        return Ports::NoAnswer;
    };
    let limit = policy.call_limits.switch;
    let link = |port: &PortId| {
        let switch = devices.switches.get(&port.switch)?;
        let list = timeout(limit, lists.links(&port.switch, switch, asked, now));
        let port = port.port.clone();
        Some(async move { list.await.ok()??.get(&port).copied() })
    };
    let managed = found.server.nics.values().map(|nic| &nic.cable);
    let managed = managed.filter(|port| site.manages(&port.switch));
    let links = join_all(managed.filter_map(link)).await;
    if links.contains(&Some(Link::Up)) {
        Ports::Up
    } else if links.is_empty() || links.contains(&None) {
        Ports::NoAnswer
    } else {
        Ports::Down
    }
}

async fn wears(
    devices: &Devices,
    site: &Site,
    persona: &PersonaName,
    server: &ServerName,
    generation: Generation,
    since: Time,
) -> bool {
    let found = async {
        let image = &site.personas.get(persona)?.persona.image;
        let limit = site.policy_of(server)?.call_limits.array;
        let sessions = in_time(limit, devices.arrays.get(&image.array)?.sessions()).await?;
        let addresses = site.san_addresses(server);
        let is_it = |session: &Session| {
            session.volume == image.volume
                && addresses.contains(&session.source)
                && session.generation.is_none_or(|found| found == generation)
                && session.opened.is_some_and(|opened| opened >= since)
        };
        Some(sessions.iter().any(is_it))
    };
    found.await.unwrap_or(false)
}

async fn survey(devices: &Devices, site: &Site) -> World {
    let powers = devices.bmcs.iter().map(async |(server, bmc)| {
        let policy = site.policy_of(server)?;
        let timing = bmc::Timing {
            pause: policy.off_pause,
            limit: policy.call_limits.bmc,
            ..bmc::Timing::default()
        };
        if bmc::read_off(&**bmc, &site.identity(server)?, &timing)
            .await
            .is_ok()
        {
            return Some((server.clone(), Power::Off));
        }
        match power(devices, site, server).await {
            // Off now and not a moment ago: not proven.
            Power::Off => Some((server.clone(), Power::NoAnswer)),
            power => Some((server.clone(), power)),
        }
    });
    let arrays = devices.arrays.iter().map(async |(name, array)| {
        let limit = Duration::from_secs(20);
        let admissions = in_time(limit, array.admissions()).await?;
        let sessions = in_time(limit, array.sessions()).await?;
        Some((
            name.clone(),
            Found {
                admissions,
                sessions,
            },
        ))
    });
    World {
        power: join_all(powers).await.into_iter().flatten().collect(),
        arrays: join_all(arrays).await.into_iter().flatten().collect(),
    }
}
