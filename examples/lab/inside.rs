//! One scenario, from an empty place to its report.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use coldspare::Told;
use coldspare_agent::witness::Report;
use coldspare_examples::tables::{PortRow, Tables, ports, volumes};
use coldspare_examples::tell;
use coldspare_examples::verdict::{End, Verdict};
use coldspare_names::{Time, VolumeId};
use serde::Serialize;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::Failure;
use crate::arguments::{Arguments, Choice, Inside};
use crate::enclosure::{ROOT, STOP};
use crate::lab::{Lab, Surprise};
use crate::scenario::play;
use crate::terms::Terms;

/// Plays the scenario, and reports.
pub(crate) async fn run(arguments: &Arguments, inside: &Inside) -> Result<ExitCode, Failure> {
    let scenario = arguments.scenario;
    let show = if arguments.json {
        |told: &Told| println!("{}", tell::json(told))
    } else {
        |told: &Told| println!("{}", tell::line(told, false))
    };
    let own = inside.clone();
    let attempt = async move {
        Ok(if scenario == Choice::Bare {
            Ended::Bare(crate::bare::boot(&own.image).await?)
        } else {
            let outcome = attempt(scenario, &own, show).await?;
            Ended::Played(Box::new(outcome))
        })
    };
    let ended: Result<Result<Ended, Failure>, _> = tokio::select! {
        ended = tokio::spawn(attempt) => ended,
        () = asked_to_stop() => {
            let folder = keep_logs(scenario)?;
            eprintln!("Stopped. The logs of every part are in {}.", folder.display());
            return Ok(ExitCode::from(2));
        }
    };
    // A panic is a failure like any other: the logs are kept.
    let ended = ended.unwrap_or_else(|broken| Err(broken.to_string().into()));
    let all_well = match &ended {
        Ok(ended) => {
            ended.print(scenario, arguments.json);
            fs::write(&inside.report, ended.report()?)?;
            ended.is_good()
        }
        Err(failure) => {
            eprintln!("{}: {failure}", scenario.name());
            false
        }
    };
    if arguments.keep || !all_well {
        let folder = keep_logs(scenario)?;
        eprintln!("The logs of every part are in {}.", folder.display());
    }
    Ok(ExitCode::from(match ended {
        Ok(_) if all_well => 0,
        Ok(_) => 3,
        Err(_) => 2,
    }))
}

/// What there is to report.
enum Ended {
    /// How long the bare boot took.
    Bare(Duration),
    Played(Box<Outcome>),
}

impl Ended {
    fn is_good(&self) -> bool {
        match self {
            Self::Bare(_) => true,
            Self::Played(outcome) => outcome.is_good(),
        }
    }

    fn print(&self, scenario: Choice, json: bool) {
        match self {
            Self::Played(outcome) => outcome.print(scenario, json),
            Self::Bare(took) => {
                let seconds = tell::seconds(*took);
                if json {
                    let line = json!({ "event": "bare-boot", "seconds": seconds });
                    println!("{line}");
                } else {
                    println!("The bare guest booted in {seconds:.2} s.\n");
                }
            }
        }
    }

    /// For the laboratory outside.
    fn report(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Bare(took) => serde_json::to_vec(took),
            Self::Played(outcome) => serde_json::to_vec(&outcome.terms),
        }
    }
}

/// What came of a scenario.
struct Outcome {
    verdict: Verdict,
    before: Tables,
    after: Tables,
    terms: Option<Terms>,
    disk: Report,
    /// What did not go as it should.
    surprises: Vec<String>,
}

async fn attempt(scenario: Choice, inside: &Inside, show: fn(&Told)) -> Result<Outcome, Failure> {
    let mut lab = Lab::start(scenario, inside, show).await?;
    let before = tables(&lab).await;
    let played = play(&mut lab, scenario).await;
    let mut calls = File::create(format!("{ROOT}/log/calls.log"))?;
    lab.controller.calls.write(&mut calls)?;
    let mut surprises = Vec::new();
    match played {
        Ok(()) => {}
        Err(failure) if failure.is::<Surprise>() => surprises.push(failure.to_string()),
        Err(failure) => return Err(failure),
    }
    let after = tables(&lab).await;
    let bare = inside.bare.map(Duration::from_millis);
    let terms = bare.and_then(|bare| Terms::of(&lab, bare));
    let disk = lab.witness.judge(lab.witness_image()?).await?;
    let home = lab.persona().await?;
    let servers = lab.servers().await?;
    let spares = servers
        .into_iter()
        .filter(|server| server.scrubbed && server.wears.is_none());
    let missing = home.home.is_none().then(|| "web-1 has no home".to_owned());
    let began = lab.began();
    let told: Vec<_> = lab
        .told()
        .into_iter()
        .map(|told| Told {
            at: Time::EPOCH + told.at.since(began),
            event: told.event,
        })
        .collect();
    let end = End {
        at: Time::EPOCH + lab.now().since(began),
        home: BTreeMap::from([(home.persona, home.home)]),
        spares: spares.map(|server| server.server).collect(),
        active: BTreeMap::new(),
        violations: disk.findings.iter().map(ToString::to_string).collect(),
        missing: missing
            .into_iter()
            .chain(surprises.iter().cloned())
            .collect(),
    };
    Ok(Outcome {
        verdict: Verdict::of(&told, end),
        before,
        after,
        terms,
        disk,
        surprises,
    })
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    scenario: String,
    #[serde(flatten)]
    verdict: &'a Verdict,
    terms: &'a Option<Terms>,
    /// What took longer than it must.
    missed: Vec<String>,
    disk: &'a Report,
    surprises: &'a [String],
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.surprises.is_empty() && self.disk.findings.is_empty()
    }

    fn missed(&self) -> Vec<String> {
        self.terms.as_ref().map(Terms::missed).unwrap_or_default()
    }

    fn print(&self, scenario: Choice, json: bool) {
        if json {
            let line = Line {
                scenario: scenario.name(),
                verdict: &self.verdict,
                terms: &self.terms,
                missed: self.missed(),
                disk: &self.disk,
                surprises: &self.surprises,
            };
            println!("{}", serde_json::to_string(&line).unwrap_or_default());
            return;
        }
        println!(
            "\n{}\n{}",
            self.before.print("Before"),
            self.after.print("After")
        );
        print!("{}", self.verdict.outcome());
        if let Some(terms) = &self.terms {
            println!("\n{}", terms.print(scenario));
        }
        for missed in self.missed() {
            println!("Not as it must be: {missed}.");
        }
        let records = self.disk.records.iter();
        let records: Vec<_> = records
            .map(|(generation, count)| format!("{count} of generation {generation}"))
            .collect();
        println!(
            "Records on the disk: {}; {} were acknowledged.",
            records.join(", "),
            self.disk.acknowledged
        );
        print!("{}", self.verdict.violations());
    }
}

/// Looks at the devices.
async fn tables(lab: &Lab) -> Tables {
    let devices = &lab.controller.devices;
    let mut rows = Vec::new();
    for (server, of) in &lab.site.servers {
        for (channel, nic) in &of.server.nics {
            let Some(switch) = devices.switches.get(&nic.cable.switch) else {
                continue;
            };
            let found = switch.ports().await.ok();
            let status = found.and_then(|mut found| found.remove(&nic.cable.port));
            rows.extend(status.map(|status| PortRow {
                server: server.clone(),
                channel: *channel,
                port: nic.cable.clone(),
                observed: status.observed,
            }));
        }
    }
    let mut admitted = BTreeMap::new();
    for (array, device) in &devices.arrays {
        for (volume, found) in device.admissions().await.unwrap_or_default() {
            let array = array.clone();
            admitted.insert(VolumeId { array, volume }, found);
        }
    }
    let servers = lab.servers().await.unwrap_or_default();
    let wears = servers
        .into_iter()
        .filter_map(|server| Some((server.server, server.wears?)));
    Tables(vec![
        ("VLANs", ports(&lab.site.networks, &rows, &wears.collect())),
        ("volumes", volumes(&admitted)),
    ])
}

/// Returns when the enclosure asks for an orderly end.
async fn asked_to_stop() {
    let mut asked = [0; STOP.len()];
    if tokio::io::stdin().read_exact(&mut asked).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Takes the logs out of the laboratory, which ends with us.
fn keep_logs(scenario: Choice) -> Result<PathBuf, Failure> {
    // Inside, process numbers begin anew with every run; a name must be new on the whole machine.
    let name = format!("coldspare-lab-{}-", scenario.name());
    let folder = (1..).map(|number| std::env::temp_dir().join(format!("{name}{number}")));
    for folder in folder {
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => {
                made?;
                for log in fs::read_dir(format!("{ROOT}/log"))? {
                    let log = log?;
                    fs::copy(log.path(), folder.join(log.file_name()))?;
                }
                return Ok(folder);
            }
        }
    }
    Err("no folder for the logs".into())
}
