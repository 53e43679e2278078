use super::*;
use crate::samples::{persona, spec};

#[test]
fn a_persona_without_agent_needs_a_health_monitor() {
    let mut silent = spec("appliance");
    silent.agent = false;
    silent.networking_enabled = false;
    let error = Persona::try_from(silent.clone()).unwrap_err();
    assert_eq!(error, Error::NothingToWatch(silent.name.clone()));
    silent.health_monitor = Some(HealthMonitor {
        address: [10, 0, 0, 1].into(),
    });
    assert!(Persona::try_from(silent).is_ok());
}

#[test]
fn only_an_agent_can_set_up_the_networking() {
    let mut silent = spec("appliance");
    silent.agent = false;
    silent.health_monitor = Some(HealthMonitor {
        address: [10, 0, 0, 1].into(),
    });
    let error = Persona::try_from(silent.clone()).unwrap_err();
    assert_eq!(error, Error::NetworkingWithoutAgent(silent.name));
}

#[test]
fn a_persona_on_a_servers_own_disk_is_none() {
    let mut bound = spec("bound");
    bound.net_boot = false;
    let error = Persona::try_from(bound.clone()).unwrap_err();
    assert_eq!(error, Error::OwnDisk(bound.name));
}

#[test]
fn a_file_cannot_smuggle_a_contradiction_in() {
    let mut json = serde_json::to_value(persona("exchange-1")).unwrap();
    assert!(serde_json::from_value::<Persona>(json.clone()).is_ok());
    json["net-boot"] = false.into();
    let error = serde_json::from_value::<Persona>(json).unwrap_err();
    assert!(error.to_string().contains("does not boot from the network"));
}

#[test]
fn what_a_file_leaves_out_is_as_in_a_new_persona() {
    let short = serde_json::json!({
        "name": "exchange-1",
        "pool": "exchange",
        "operating-system": {},
        "initiator": "iqn.2012-08.com.example:exchange-1",
        "image": { "array": "ps6110", "volume": "exchange-1" },
    });
    let read: Persona = serde_json::from_value(short).unwrap();
    assert_eq!(read, persona("exchange-1"));
}

#[test]
fn a_persona_is_read_as_it_was_written() {
    let mut full = spec("exchange-1");
    full.system_control = SystemControlAddressing::Static {
        primary: [10, 40, 4, 1].into(),
        secondary: [10, 40, 4, 2].into(),
    };
    full.boot_timer = BootTimer::new(Duration::from_mins(20)).unwrap();
    full.recovery_time_objective = Some(Duration::from_hours(1));
    full.requirements.boot_mode = Some(BootMode::Bios);
    let full = Persona::try_from(full).unwrap();
    let json = serde_json::to_value(&full).unwrap();
    assert_eq!(json["boot-timer"], "20m");
    assert_eq!(json["recovery-time-objective"], "1h");
    assert_eq!(serde_json::from_value::<Persona>(json).unwrap(), full);
}

#[test]
fn a_boot_timer_is_fifteen_minutes_and_never_nothing() {
    assert_eq!(BootTimer::default().length(), Duration::from_mins(15));
    assert_eq!(BootTimer::new(Duration::ZERO), Err(Error::BootTimerZero));
    assert!(serde_json::from_str::<BootTimer>("\"0s\"").is_err());
    assert!(serde_json::from_str::<BootTimer>("\"20 minutes\"").is_ok());
}
