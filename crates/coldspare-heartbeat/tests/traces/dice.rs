//! Numbers that look random, and are the same in every run.

/// One stream of them.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1, without 0.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(crate) fn share(&mut self) -> f64 {
        ((self.roll() >> 11) as f64 + 1.0) / 9_007_199_254_740_993.0
    }

    /// Exponentially distributed around a mean, rounded.
    pub(crate) fn wait(&mut self, mean: u64) -> u64 {
        round(-self.share().ln() * float(mean))
    }

    /// Pareto-distributed: at least so much, and often much more, but no more than the most.
    pub(crate) fn pareto(&mut self, least: u64, shape: f64, most: u64) -> u64 {
        round(float(least) * self.share().powf(-1.0 / shape)).min(most)
    }

    /// A time in the span of that length after the one that `now` is in, away from both its ends.
    pub(crate) fn once_in_next(&mut self, span: u64, now: u64) -> u64 {
        let begin = (now / span + 1) * span;
        begin + self.between(span / 100, span - span / 100)
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.roll() % (most - least + 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a simulation")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates"
)]
pub(crate) fn round(number: f64) -> u64 {
    number as u64
}
