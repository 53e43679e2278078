use proptest::prelude::*;

use super::*;

/// Shown by tgtd 1.0.85, with the lines left out that are not read.
const ANSWER: &str = "\
Target 7: iqn.2026-11.lab:p1
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
        I_T nexus: 2
            Initiator: iqn.2026-11.lab:persona1 alias: none
            Connection: 0
                IP Address: 127.0.0.2
        I_T nexus: 3
            Initiator: iqn.2026-11.lab:Persona1 alias: a alias: b
            Connection: 0
                IP Address: ::ffff:10.0.0.1
            Connection: 1
                IP Address: fe80::1
    LUN information:
        LUN: 0
            Type: controller
            SCSI ID: IET     00010000
            Size: 0 MB, Block size: 1
            Backing store path: None
        LUN: 1
            Type: disk
            SCSI ID: IET-abc
            Size: 4 MB, Block size: 512
            Thin-provisioning: Yes
            Backing store path: /srv/a b.img
            Backing store flags: 
    Account information:
        guard
        u1
        u1 (outgoing)
    ACL information:
        ALL
        iqn.2026-11.lab:persona1
Target 8: iqn.2026-11.lab:p2
    LUN information:
    Account information:
    ACL information:
";

#[test]
fn an_answer_is_read_whole() {
    let [first, second] = targets(ANSWER).unwrap().try_into().unwrap();
    assert_eq!((first.number, &*first.name), (7, "iqn.2026-11.lab:p1"));
    let connections: Vec<_> = first
        .connections
        .iter()
        .map(|connection| {
            let source = connection.source.to_string();
            (connection.session, connection.number, source)
        })
        .collect();
    let expected = [
        (2, 0, "127.0.0.2".to_owned()),
        (3, 0, "10.0.0.1".to_owned()),
        (3, 1, "fe80::1".to_owned()),
    ];
    assert_eq!(connections, expected);
    assert_eq!(first.connections[0].initiator, "iqn.2026-11.lab:persona1");
    let unit = Unit {
        number: 1,
        identity: "IET-abc".to_owned(),
        mebibytes: 4,
        thin: true,
        path: "/srv/a b.img".to_owned(),
    };
    assert_eq!(first.units, [unit]);
    assert_eq!(first.accounts, ["guard", "u1"]);
    assert_eq!(first.rules, ["ALL", "iqn.2026-11.lab:persona1"]);
    let empty = Target {
        number: 8,
        name: "iqn.2026-11.lab:p2".to_owned(),
        ..Target::default()
    };
    assert_eq!(second, empty);
}

#[test]
fn a_session_without_a_connection_is_still_one() {
    let text = "Target 1: t\n    I_T nexus information:\n        I_T nexus: 5\n";
    let [target] = targets(text).unwrap().try_into().unwrap();
    assert_eq!(target.connections.len(), 1);
    assert!(target.connections[0].source.is_unspecified());
}

#[test]
fn an_answer_that_is_not_understood_is_not_believed() {
    for text in [
        "Target x: t",
        "Taget 1: t",
        "    ACL information:",
        "Target 1: t\n    I_T nexus information:\n        I_T nexus: many",
        "Target 1: t\n    LUN information:\n            SCSI ID: x",
    ] {
        assert!(targets(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([ ]{0,16}(Target |I_T nexus: |LUN: |.{0,12}).{0,12}\n){0,20}") {
        let _ = targets(&text);
    }
}
