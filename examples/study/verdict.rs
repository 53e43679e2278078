//! How the study ended.

use coldspare::site::{Redistribution, Site};
use coldspare_examples::verdict::{End, Verdict};
use coldspare_invariants::Checked;
use coldspare_names::Time;
use coldspare_sim::Picture;

/// The verdict on a run that was watched until `end`.
pub(crate) fn of(site: &Site, checked: &Checked, end: Time) -> Verdict {
    let outcome = &checked.outcome;
    let Picture {
        home,
        spares,
        active,
    } = outcome.after.clone();
    let end = End {
        at: end,
        home,
        spares,
        active,
        violations: checked.violations.iter().map(ToString::to_string).collect(),
        missing: missing(site, &outcome.before, &outcome.after),
    };
    Verdict::of(&outcome.told, end)
}

/// What is not as it was.
fn missing(site: &Site, before: &Picture, after: &Picture) -> Vec<String> {
    let personas = before.home.iter().filter(|(_, home)| home.is_some());
    let lost = personas.filter(|(name, _)| after.home.get(*name).is_none_or(Option::is_none));
    let lost = lost.map(|(name, _)| format!("{name} does not run"));
    let moved = before.active.iter().filter(|(database, member)| {
        let now = after.active.get(*database);
        // The persona's own start-up item is not part of the simulation.
        let must_return = site.redistribution == Redistribution::Controller;
        now != Some(*member) && (must_return || now.is_none())
    });
    let moved = moved.map(|(database, member)| format!("{database} is not active on {member}"));
    lost.chain(moved).collect()
}
