//! Values that many servers share: each is kept once, and known by a number.

use std::collections::BTreeMap;

/// Numbered values. A value keeps its number; there are as many as failure domains, not as many as
/// servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shared<Value: Ord> {
    numbers: BTreeMap<Value, u32>,
    values: Vec<Value>,
}

impl<Value: Ord + Clone> Shared<Value> {
    pub(crate) fn new() -> Self {
        Self {
            numbers: BTreeMap::new(),
            values: Vec::new(),
        }
    }

    /// The number of a value.
    pub(crate) fn number(&mut self, value: &Value) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.numbers.insert(value.clone(), number);
        push(&mut self.values, value.clone());
        number
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a number that was given out.
    #[inline]
    pub(crate) fn value(&self, number: u32) -> &Value {
        &self.values[number as usize]
    }
}

/// Appends, and leaves an eighth free at most, where doubling would leave a half.
pub(crate) fn push<Value>(values: &mut Vec<Value>, value: Value) {
    if values.len() == values.capacity() {
        values.reserve_exact(values.len() / 8 + 4);
    }
    values.push(value);
}
