mod guest;
mod switch;

use super::Violation;

/// The names of the checks that were not passed.
fn failed(violations: &[Violation]) -> Vec<&'static str> {
    violations.iter().map(|violation| violation.check).collect()
}
