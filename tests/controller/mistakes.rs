//! What goes wrong around a controller: it says so, and harms nothing.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use super::SITE;
use super::process::Place;

#[test]
fn a_socket_takes_the_place_of_nothing_but_a_socket() {
    let place = Place::new();
    for name in ["socket", "socket.new"] {
        let file = place.socket().with_file_name(name);
        fs::write(&file, "precious").unwrap();
        let refused = place.start_in_vain(&["--site", SITE]);
        assert!(refused.contains("is not a socket"), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        fs::remove_file(file).unwrap();
    }
    let mut killed = place.start(&["--site", SITE]);
    killed.kill();
    let _controller = place.start(&["--site", SITE]);
}

#[test]
fn a_file_serves_one_controller_by_whatever_name() {
    let place = Place::new();
    let _controller = place.start(&["--site", SITE]);
    let link = place.file().with_file_name("link.db");
    symlink(place.file(), &link).unwrap();
    let second = Place::at(&format!("sqlite:{}", link.display()));
    let refused = second.start_in_vain(&["--site", SITE]);
    assert!(
        refused.contains("another controller uses the store"),
        "{refused}"
    );
}

#[test]
fn what_cannot_be_a_store_is_named_and_nothing_is_left_beside_it() {
    let place = Place::new();
    fs::write(place.file(), "a letter, and no database".repeat(9)).unwrap();
    let beside = || {
        fs::read_dir(place.file().parent().unwrap())
            .unwrap()
            .count()
    };
    // Its log is written there as well.
    let before = beside() + 1;
    let refused = place.start_in_vain(&["--site", SITE]);
    assert!(refused.contains("is damaged"), "{refused}");
    assert_eq!(beside(), before);

    let missing = place.file().with_file_name("missing").join("store.db");
    let missing = Place::at(&format!("sqlite:{}", missing.display()));
    let refused = missing.start_in_vain(&["--site", SITE]);
    assert!(refused.contains("missing/store.db: No such"), "{refused}");
}

#[test]
fn whose_terminal_goes_away_ends_in_good_order() {
    let place = Place::new();
    let by = ["env", "--default-signal=HUP"];
    let mut controller = place.start_by(&by, &["--site", SITE]);
    controller.signal("HUP");
    assert_eq!(controller.ended().code(), Some(0), "{}", controller.log());
    assert!(!place.socket().exists());

    let mut controller = place.start_by(&["nohup"], &["--site", SITE]);
    controller.signal("HUP");
    place.ask(0, &["status"]);
    controller.signal("TERM");
    assert_eq!(controller.ended().code(), Some(0), "{}", controller.log());
}

#[test]
fn a_lease_is_neither_nothing_nor_for_ever() {
    let place = Place::new();
    for lease in ["0", "18446744073709551615"] {
        let refused = place.start_in_vain(&["--site", SITE, "--lease", lease]);
        assert!(refused.contains("is not in 1..=3600"), "{refused}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_told_unless_nobody_wants_it() {
    let place = Place::new();
    let _controller = place.start(&["--site", SITE]);
    for json in [&[][..], &["--json"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut ctl = place.ctl();
        let told = ctl.args(json).arg("status").stdout(full).output().unwrap();
        let error = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(2), "{error}");
        assert!(error.contains("cannot be written"), "{error}");

        let mut ctl = place.ctl();
        ctl.args(json).arg("status");
        let ctl = ctl.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut ctl = ctl.spawn().unwrap();
        drop(ctl.stdout.take());
        let told = ctl.wait_with_output().unwrap();
        let error = String::from_utf8(told.stderr).unwrap();
        assert_eq!((told.status.code(), error.as_str()), (Some(0), ""));
    }
}
