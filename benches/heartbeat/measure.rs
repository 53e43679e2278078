//! Measuring contenders side by side: rounds in turn, so that a busy machine troubles all alike.

use std::time::{Duration, Instant};

/// Whether only to show that the bench runs.
pub(crate) fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// One way of doing a thing.
pub(crate) struct Contender<'a> {
    name: &'static str,
    /// Does the thing, and tells how long it took, and how often it was done.
    run: Box<dyn FnMut() -> (Duration, usize) + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> usize + 'a) -> Self {
        Self::prepared(name, || {}, run)
    }

    /// One before each of whose rounds something must be done that is not measured.
    pub(crate) fn prepared(
        name: &'static str,
        mut prepare: impl FnMut() + 'a,
        mut run: impl FnMut() -> usize + 'a,
    ) -> Self {
        Self::timed(name, move || {
            prepare();
            timed(&mut run)
        })
    }

    /// One that measures itself.
    pub(crate) fn timed(name: &'static str, run: impl FnMut() -> (Duration, usize) + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// How long something takes, and what it gives.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let given = run();
    (started.elapsed(), given)
}

/// Nanoseconds for one thing, contender by contender: the fastest of the rounds, which no neighbour
/// on the machine disturbed.
#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds for a person to read"
)]
fn nanoseconds(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<f64> {
    let rounds = if is_test() { 1 } else { rounds };
    let mut fastest = vec![f64::INFINITY; contenders.len()];
    for _ in 0..rounds {
        for (contender, fastest) in contenders.iter_mut().zip(&mut fastest) {
            let (took, things) = (contender.run)();
            *fastest = fastest.min(took.as_nanos() as f64 / things as f64);
        }
    }
    fastest
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

/// Prints how the last figure stands to the best that this machine does in the same run: what a
/// target below it would ask for, nobody can have here.
pub(crate) fn floor(figure: f64, floor: f64) {
    println!(
        "     the floor is {floor:.4}: it is {:.2} times that",
        figure / floor
    );
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
