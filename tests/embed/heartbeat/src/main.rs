//! A watchdog that only wants to know when a silent server is really dead.

use std::collections::BTreeSet;

use coldspare_heartbeat::{
    Answer, Detector, Enrolment, Power, Profile, Sessions, Slot, Start, Status, Testimony, Watch,
};
use coldspare_names::{Generation, Time};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut detector = Detector::new(Profile::default(), Time::EPOCH)?;
    let server = Slot::new(0)?;
    let enrolment = Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: BTreeSet::new(),
        arrays: BTreeSet::new(),
    };
    detector.enrol(server, &enrolment, Time::EPOCH);
    let now = detector.deadline().ok_or("nobody is watched")?;
    println!("{:?}", detector.poll(now));

    for answer in [Answer::Power(Power::Off), Answer::Sessions(Sessions::Gone)] {
        detector.testify(server, Testimony { asked: now, answer }, now);
    }
    detector.poll(now);
    assert_eq!(
        detector.verdict(server).map(|verdict| verdict.status),
        Some(Status::Dead)
    );
    Ok(())
}
