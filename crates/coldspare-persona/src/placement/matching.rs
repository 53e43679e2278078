//! Seats for those who wish for them, in order: a bipartite matching by augmenting paths.
//!
//! Seating one wisher after the other, each along an augmenting path if there is one, seats the
//! set that is best in that order and also as large as any: the sets that can be seated together
//! form a transversal matroid, for which greed is exact (Edmonds and Fulkerson, 1965).

use std::collections::VecDeque;

/// What one wisher could sit on.
#[derive(Debug)]
pub(super) struct Wish {
    /// Seats that others may wish for too, the best first.
    pub(super) shared: Vec<usize>,
    /// A seat that nobody else wishes for, taken only when no shared one is left.
    pub(super) own: Option<usize>,
}

/// Who got which seat.
#[derive(Debug)]
pub(super) struct Seating {
    /// By wisher.
    pub(super) seat_of: Vec<Option<usize>>,
    /// By seat.
    pub(super) holder_of: Vec<Option<usize>>,
}

/// Seats the wishers, the first before the second.
pub(super) fn seat(wishes: &[Wish], seats: usize) -> Seating {
    let mut seating = Seating {
        seat_of: vec![None; wishes.len()],
        holder_of: vec![None; seats],
    };
    for wisher in 0..wishes.len() {
        seating.augment(wisher, wishes);
    }
    seating
}

impl Seating {
    /// Seats one more, if the others can make room: breadth first, so that few have to move.
    fn augment(&mut self, newcomer: usize, wishes: &[Wish]) {
        let mut wanted_by = vec![None; self.holder_of.len()];
        let mut asked = VecDeque::from([newcomer]);
        let mut yielding = None;
        while let Some(wisher) = asked.pop_front() {
            // Of all who could sit on a seat of their own, the last in the order yields.
            yielding = yielding.max(wishes[wisher].own.map(|own| (wisher, own)));
            for &seat in &wishes[wisher].shared {
                if wanted_by[seat].is_some() {
                    continue;
                }
                wanted_by[seat] = Some(wisher);
                match self.holder_of[seat] {
                    Some(holder) => asked.push_back(holder),
                    None => return self.shift(seat, &wanted_by),
                }
            }
        }
        if let Some((wisher, own)) = yielding {
            wanted_by[own] = Some(wisher);
            self.shift(own, &wanted_by);
        }
    }

    /// Lets everyone on the path to a free seat move up by one.
    fn shift(&mut self, free: usize, wanted_by: &[Option<usize>]) {
        let mut free = Some(free);
        while let Some((seat, wisher)) = free.and_then(|seat| Some((seat, wanted_by[seat]?))) {
            self.holder_of[seat] = Some(wisher);
            free = self.seat_of[wisher].replace(seat);
        }
    }
}
