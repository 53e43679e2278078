//! Reads the state of a database availability group, as the shell's cmdlets give it in JSON, and
//! says what is wrong with it, what repair and redistribution would do and why, and how much each
//! server has to do before and after. Nothing is changed.
//!
//! `cargo run --example rebalance -- examples/dags/after-a-failover.json`
//!
//! The keys of the document are those of `coldspare_exchange::cmdlet`; an optional key `Load`
//! holds `databases` (each with `mailboxes` and `messages_a_day`) and `capacity` of servers in
//! millionths of an operation a second.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use coldspare_exchange::cmdlet::{Group, read_group};
use coldspare_exchange::load::{AfterLoss, LoadModel, ServerLoad};
use coldspare_exchange::redistribute::{Counters, Distribution, distribution};
use coldspare_exchange::{
    Balance, CopyId, Dag, MemberName, Redistribution, Repair, Resilience, redistribute, repair,
    resilience, suspended_on_purpose,
};
use serde::Serialize;
use serde_json::Value;

/// What a redistribution goes by.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Preference,
    Site,
    Number,
}

/// Says what is wrong with a group, and what repair and redistribution would do.
#[derive(Debug, Parser)]
struct Arguments {
    /// The group, as projected cmdlets give it; `-` is standard input.
    file: PathBuf,
    /// The group before its failure: what was suspended then is left alone. Without it everything
    /// that is suspended now is.
    #[arg(long)]
    before: Option<PathBuf>,
    /// What the redistribution goes by.
    #[arg(long, value_enum, default_value = "preference")]
    by: By,
    /// By how many percent a site may deviate from the mean.
    #[arg(long, default_value_t = 20)]
    allowed_deviation: u8,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Everything that is found.
#[derive(Serialize)]
struct Findings {
    group: String,
    resilience: Resilience,
    repair: Vec<Repair>,
    redistribution: Redistribution,
    counters: Counters,
    distribution: BeforeAndAfter<Vec<Distribution>>,
    load: BeforeAndAfter<BTreeMap<MemberName, ServerLoad>>,
    risks: Vec<AfterLoss>,
}

#[derive(Serialize)]
struct BeforeAndAfter<T> {
    before: T,
    after: T,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let findings = match find(&arguments) {
        Ok(findings) => findings,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(2);
        }
    };
    if arguments.json {
        match serde_json::to_string(&findings) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("the findings cannot be written: {error}"),
        }
    } else {
        tell(&findings);
    }
    ExitCode::SUCCESS
}

/// Reads a document; the reason names file and place.
fn read(file: &Path) -> Result<(Value, Group), String> {
    let bad = |reason: &dyn Display| format!("{}: {reason}", file.display());
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| bad(&error))?;
    } else {
        bytes = std::fs::read(file).map_err(|error| bad(&error))?;
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let json: Value = serde_json::from_slice(text).map_err(|error| bad(&error))?;
    let group = read_group(&json).map_err(|error| bad(&error))?;
    Ok((json, group))
}

fn find(arguments: &Arguments) -> Result<Findings, String> {
    let (json, Group { dag, copies }) = read(&arguments.file)?;
    let keep: BTreeSet<CopyId> = match &arguments.before {
        Some(before) => suspended_on_purpose(&read(before)?.1.copies),
        None => suspended_on_purpose(&copies),
    };
    let model: LoadModel = match json.get("Load") {
        Some(load) => serde_json::from_value(load.clone())
            .map_err(|error| format!("{}: Load: {error}", arguments.file.display()))?,
        None => LoadModel::default(),
    };
    let allowed_deviation = arguments.allowed_deviation;
    let balance = match arguments.by {
        By::Preference => Balance::ByActivationPreference,
        By::Site => Balance::BySiteAndActivationPreference { allowed_deviation },
        By::Number => Balance::IgnoringActivationPreference,
    };
    let redistribution = redistribute(&dag, &copies, balance);
    let mut after: Dag = dag.clone();
    for planned in &redistribution.moves {
        if let Some(database) = after.databases.get_mut(&planned.database) {
            database.active = planned.to.clone();
        }
    }
    let members = (dag.members.len(), dag.databases.len());
    Ok(Findings {
        group: format!(
            "{}: {} members, {} databases",
            dag.name, members.0, members.1
        ),
        resilience: resilience(&dag, &copies),
        repair: repair(&copies, &keep),
        counters: redistribution.counters(),
        redistribution,
        distribution: BeforeAndAfter {
            before: distribution(&dag),
            after: distribution(&after),
        },
        load: BeforeAndAfter {
            before: model.servers(&dag),
            after: model.servers(&after),
        },
        risks: model.risks(&after),
    })
}

/// A heading and its lines, or that there are none.
fn section<T: Display>(heading: &str, none: &str, lines: impl IntoIterator<Item = T>) {
    println!("\n{heading}");
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        println!("  {none}");
    }
    for line in lines {
        println!("  {line}");
    }
}

fn list<T: Display>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    all.join(", ")
}

fn tell(findings: &Findings) {
    println!("{}", findings.group);
    section("What is wrong", "nothing", &findings.resilience.degraded);
    let repair = findings.repair.iter();
    let repair = repair.map(|step| format!("{}: {}", step.action, step.reason));
    section("What repair would do, in this order", "nothing", repair);
    let redistribution = &findings.redistribution;
    let moves = redistribution
        .moves
        .iter()
        .map(|planned| format!("move {planned}"));
    section(
        "What redistribution would do, in this order",
        "nothing",
        moves,
    );
    let failed = redistribution.failed.iter();
    let failed = failed.map(|failed| format!("{}: {}", failed.tried, list(&failed.refusals)));
    section("What it could not do, and why", "nothing", failed);
    section("Warnings", "none", &redistribution.warnings);
    let rows = findings
        .distribution
        .before
        .iter()
        .zip(&findings.distribution.after);
    let rows = rows.map(|(before, after)| {
        let load = |loads: &BTreeMap<MemberName, ServerLoad>| {
            loads
                .get(&before.server_name)
                .map_or_else(String::new, |load| load.iops.to_string())
        };
        format!(
            "{:<15} {:>3} -> {:<3} active, {} of them mounted; preferences {{{}}}; {} -> {} IOPS",
            before.server_name,
            before.active_dbs,
            after.active_dbs,
            before.mounted_dbs,
            list(&before.preference_count_list),
            load(&findings.load.before),
            load(&findings.load.after),
        )
    });
    section(
        "Servers, before and after (figures of I/O are from memory: verify)",
        "none",
        rows,
    );
    let resilience = &findings.resilience;
    let weakest = resilience.weakest();
    let losses = [
        format!(
            "{} further losses cost the quorum",
            resilience.losses_until_no_quorum
        ),
        weakest.map_or_else(String::new, |(name, losses)| {
            format!("{losses} further losses cost {name} its last usable copy")
        }),
    ];
    section("What it can lose", "nothing", losses);
    let risks = findings.risks.iter().map(|risk| {
        let overloaded = list(risk.overloaded.keys());
        let unserved = list(&risk.unserved);
        format!(
            "without {}: overloaded [{overloaded}], unserved [{unserved}]",
            list(&risk.lost)
        )
    });
    section(
        "Which losses would overload a server or leave a database unserved",
        "none",
        risks,
    );
}
