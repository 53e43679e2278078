//! Thin orchestration: site, holding and fence, planner, run, core and shell.

pub mod site;
