//! What a retarget would do, for people.

use std::fmt::Write as _;

use coldspare::Preview;

use crate::tell;

/// Which server, why not the others, each stage, and how long it would take.
pub fn text(preview: &Preview) -> String {
    let placement = &preview.placement;
    let mut text = format!("{}\n", placement.persona);
    let _ = match &placement.choice {
        Some(choice) => writeln!(text, "  to {}", choice.server),
        None => writeln!(text, "  nowhere: no server fits"),
    };
    for (server, refusals) in &placement.refused {
        let reasons = refusals
            .iter()
            .map(|refusal| format!("{refusal} (to change that: {})", refusal.remedy()));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let _ = writeln!(text, "  not to {server}: {reasons}");
    }
    let stages = preview.plan.iter().flat_map(|plan| &plan.stages);
    for (number, stage) in stages.enumerate() {
        let steps: Vec<_> = stage.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  {:>2}. {}", number + 1, steps.join(" | "));
    }
    let expected = tell::clock(preview.expected);
    let _ = writeln!(text, "  expected to take {expected}");
    let _ = match (preview.objective, preview.fits()) {
        (Some(objective), Some(true)) => {
            writeln!(text, "  within its objective of {objective:?}")
        }
        (Some(objective), _) => writeln!(text, "  NOT within its objective of {objective:?}"),
        (None, _) => writeln!(text, "  it has no recovery-time objective"),
    };
    text
}
