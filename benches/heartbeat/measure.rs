//! Measuring contenders side by side: rounds in turn, so that a busy machine troubles all alike.

use std::time::Instant;

/// Whether only to show that the bench runs.
pub(crate) fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// One way of doing a thing.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Does the thing, and tells how often.
    pub(crate) run: Box<dyn FnMut() -> usize + 'a>,
    /// What must be done before each round, and is not measured.
    pub(crate) prepare: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> usize + 'a) -> Self {
        Self::prepared(name, || {}, run)
    }

    pub(crate) fn prepared(
        name: &'static str,
        prepare: impl FnMut() + 'a,
        run: impl FnMut() -> usize + 'a,
    ) -> Self {
        Self {
            name,
            run: Box::new(run),
            prepare: Box::new(prepare),
        }
    }
}

/// Nanoseconds for one thing, contender by contender: the fastest of the rounds, which no neighbour
/// on the machine disturbed.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds for a person to read"
)]
pub(crate) fn nanoseconds(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<f64> {
    let rounds = if is_test() { 1 } else { rounds };
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            (contender.prepare)();
            let started = Instant::now();
            let things = (contender.run)();
            times.push(started.elapsed().as_nanos() as f64 / things as f64);
        }
    }
    let fastest = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
    times.into_iter().map(fastest).collect()
}

/// Measures, and prints each beside the first.
pub(crate) fn compare(
    title: &str,
    unit: &str,
    rounds: usize,
    contenders: &mut [Contender<'_>],
) -> Vec<f64> {
    let times = nanoseconds(rounds, contenders);
    println!("\n{title}");
    for (contender, &time) in contenders.iter().zip(&times) {
        let ratio = time / times[0];
        println!(
            "  {:<58} {time:>12.1} ns {unit:<10} {ratio:>9.2} x",
            contender.name
        );
    }
    times
}

/// Prints how a figure stands to its target.
pub(crate) fn target(what: &str, figure: f64, at_most: f64) {
    let verdict = if figure <= at_most { "met" } else { "MISSED" };
    println!("  -> {what}: {figure:.4} (at most {at_most:.4}): {verdict}");
}

/// Numbers that look random, and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.roll() % u64::from(limit)).unwrap_or_default()
    }

    /// The numbers below a limit, in random order.
    pub(crate) fn shuffled(&mut self, limit: u32) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..limit).collect();
        for last in (1..limit).rev() {
            let other = self.below(last + 1);
            numbers.swap(last as usize, other as usize);
        }
        numbers
    }
}
