//! What a network does to datagrams. Times are milliseconds.

use super::dice::{Dice, float};

/// How datagrams get lost on a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    /// The share of all that is lost.
    pub(crate) share: f64,
    /// The mean length of a burst in which everything is lost (Gilbert and Elliott's model, with its
    /// states in time); 0: each is lost by itself.
    pub(crate) burst: u64,
}

/// One path of one server.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    bad_from: u64,
    bad_until: u64,
}

impl Weather {
    pub(crate) fn new(loss: Loss, dice: &mut Dice) -> Self {
        let mut weather = Self {
            bad_from: 0,
            bad_until: 0,
        };
        weather.forecast(loss, dice);
        weather
    }

    fn forecast(&mut self, loss: Loss, dice: &mut Dice) {
        if loss.burst == 0 || loss.share == 0.0 {
            (self.bad_from, self.bad_until) = (u64::MAX, u64::MAX);
            return;
        }
        let good = float(loss.burst) * (1.0 - loss.share) / loss.share;
        self.bad_from = self.bad_until + dice.wait(super::dice::round(good));
        self.bad_until = self.bad_from + dice.wait(loss.burst);
    }

    /// When a datagram sent now arrives, if it does.
    #[inline]
    pub(crate) fn carry(&mut self, loss: Loss, now: u64, dice: &mut Dice) -> Option<u64> {
        while self.bad_until <= now {
            self.forecast(loss, dice);
        }
        let gone = match loss.burst {
            0 => dice.share() < loss.share,
            _ => self.bad_from <= now,
        };
        (!gone).then(|| now + delay(dice))
    }
}

/// Mostly a few milliseconds; one in a hundred is heavy-tailed.
#[inline]
fn delay(dice: &mut Dice) -> u64 {
    let roll = dice.roll();
    if roll.is_multiple_of(100) {
        dice.pareto(10, 1.2, 30_000)
    } else {
        (roll >> 32) % 4
    }
}
