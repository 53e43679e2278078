//! Placement against an oracle that tries everything.

use std::ops::Range;

use super::*;

/// A pool in trouble: every persona and server differs in what decides.
#[derive(Debug)]
struct World {
    personas: Vec<Persona>,
    servers: Vec<Server>,
    /// By persona: whether it may start in place.
    in_place: Vec<bool>,
}

fn world_of(personas: Range<usize>) -> impl Strategy<Value = World> {
    let needs = (0..4_u16, 0..5_u32, 1..4_u32, 0..2_u8, any::<bool>());
    let offers = (1..5_u32, 1..4_u32, 0..2_u8, 1..=4_u8);
    let personas = prop::collection::vec(needs, personas);
    let servers = prop::collection::vec(offers, 0..6);
    (personas, servers).prop_map(|(personas, servers)| World {
        in_place: personas.iter().map(|it| it.4).collect(),
        personas: personas
            .iter()
            .enumerate()
            .map(|(index, &(priority, memory, processors, pool, _))| {
                let mut spec = spec(&format!("persona-{index}"));
                spec.priority = Priority(priority);
                spec.pool = name(&format!("pool-{pool}"));
                spec.requirements.memory = Memory::gibibytes(memory);
                spec.requirements.processors = processors;
                Persona::try_from(spec).unwrap()
            })
            .collect(),
        servers: servers
            .iter()
            .enumerate()
            .map(|(index, &(memory, processors, pool, channels))| {
                let mut server = server(&format!("spare-{index}"));
                server.pool = name(&format!("pool-{pool}"));
                server.memory = Memory::gibibytes(memory);
                server.processors = processors;
                server
                    .nics
                    .retain(|channel, _| channel.number() <= channels);
                server
            })
            .collect(),
    })
}

impl World {
    /// The server that a persona was on, which only it can use.
    fn home(&self, index: usize) -> Server {
        let mut home = server(&format!("home-{index}"));
        home.pool = self.personas[index].pool.clone();
        home
    }

    fn place(&self) -> Vec<Placement> {
        let homes: Vec<Server> = (0..self.personas.len()).map(|it| self.home(it)).collect();
        let worn = homes.iter().zip(&self.personas);
        let own = worn.map(|(server, persona)| own(persona, server));
        let candidates: Vec<_> = own
            .chain(self.servers.iter().map(Candidate::spare))
            .collect();
        let claims: Vec<_> = self
            .personas
            .iter()
            .zip(homes.iter().zip(&self.in_place))
            .map(|(persona, (home, in_place))| {
                back_to(persona, home, (!in_place).then_some("no answer"))
            })
            .collect();
        place(&claims, &candidates)
    }

    /// Whether that spare alone would do for that persona alone.
    fn fits(&self, persona: usize, server: usize) -> bool {
        let claim = claim(&self.personas[persona]);
        refused(&claim, &Candidate::spare(&self.servers[server])).is_empty()
    }

    /// The best that can be had, in order of priority: who is placed, and who of them on a spare.
    fn best(&self) -> (Vec<bool>, Vec<bool>) {
        let mut order: Vec<usize> = (0..self.personas.len()).collect();
        order.sort_by_key(|it| (Reverse(self.personas[*it].priority), *it));
        self.try_everything(&order, &BTreeSet::new())
    }

    fn try_everything(&self, order: &[usize], taken: &BTreeSet<usize>) -> (Vec<bool>, Vec<bool>) {
        let Some((&persona, rest)) = order.split_first() else {
            return (Vec::new(), Vec::new());
        };
        let then = |placed: bool, spare: Option<usize>| {
            let taken = taken.iter().copied().chain(spare).collect();
            let (who, on_spare) = self.try_everything(rest, &taken);
            (
                [vec![placed], who].concat(),
                [vec![spare.is_some()], on_spare].concat(),
            )
        };
        let free = (0..self.servers.len()).filter(|it| !taken.contains(it));
        free.filter(|server| self.fits(persona, *server))
            .map(|server| then(true, Some(server)))
            .chain([then(self.in_place[persona], None)])
            .max()
            .unwrap()
    }

    /// The most that can be placed, whoever they are.
    fn most(&self, persona: usize, taken: &BTreeSet<usize>) -> usize {
        if persona == self.personas.len() {
            return 0;
        }
        let free = (0..self.servers.len()).filter(|it| !taken.contains(it));
        free.filter(|server| self.fits(persona, *server))
            .map(|server| {
                let taken = taken.iter().copied().chain([server]).collect();
                1 + self.most(persona + 1, &taken)
            })
            .chain([usize::from(self.in_place[persona]) + self.most(persona + 1, taken)])
            .max()
            .unwrap()
    }
}

proptest! {
    #[test]
    fn nobody_is_left_out_who_could_have_been_placed(world in world_of(0..6)) {
        let placed = world.place();
        let who: Vec<bool> = placed.iter().map(|it| it.choice.is_some()).collect();
        let count = who.iter().filter(|it| **it).count();
        let spare = |it: &Placement| it.choice.as_ref().is_some_and(|choice| !choice.in_place);
        let on_spare: Vec<bool> = placed.iter().map(spare).collect();
        prop_assert_eq!(count, world.most(0, &BTreeSet::new()), "as many as possible");
        prop_assert_eq!((who, on_spare), world.best(), "by priority, in place as a last resort");
    }

    #[test]
    fn no_server_is_given_twice_and_none_of_another_pool(world in world_of(0..6)) {
        let mut given = BTreeSet::<ServerName>::new();
        for placement in world.place() {
            let Some(choice) = placement.choice else { continue };
            prop_assert!(given.insert(choice.server.clone()));
            let of_pool = |server: &Server| {
                let persona = world.personas.iter().find(|it| it.name == placement.persona);
                server.pool == persona.unwrap().pool
            };
            let server = world.servers.iter().find(|it| it.name == choice.server);
            prop_assert!(server.is_none_or(of_pool));
        }
    }

    #[test]
    fn every_other_server_has_its_reasons(world in world_of(0..6)) {
        for placement in world.place() {
            let told = placement.refused.len() + usize::from(placement.choice.is_some());
            prop_assert_eq!(told, world.servers.len() + world.personas.len());
            for refusals in placement.refused.values() {
                prop_assert!(!refusals.is_empty());
                prop_assert!(refusals.iter().all(|it| !it.remedy().to_string().is_empty()));
            }
        }
    }

    #[test]
    fn the_order_of_the_question_does_not_change_the_answer(
        mut world in world_of(0..6),
        turn in 0..6_usize,
    ) {
        let before = world.place();
        let turn = turn.min(world.servers.len());
        world.servers.rotate_left(turn);
        prop_assert_eq!(world.place(), before);
    }

    #[test]
    fn one_persona_gets_the_best_server(world in world_of(1..2)) {
        let spares = (0..world.servers.len()).filter(|server| world.fits(0, *server));
        let degraded = |server: &Server| server.nics.len() < 4;
        let best = spares
            .map(|index| &world.servers[index])
            .min_by_key(|server| (degraded(server), server.memory, server.name.clone()));
        let placed = world.place();
        if let Some(best) = best {
            prop_assert_eq!(chosen(&placed[0]), Some(best.name.as_str()));
        }
    }
}
