//! Table 3 of the white paper: six volumes on two arrays, and who may log in where.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use coldspare_names::{Generation, IscsiName, Time};
use coldspare_san::memory::MemoryArray;
use coldspare_san::{Admission, Array, Login, SecretKey, Size, VolumeSpec, admit, chap};

/// Volume, array, initiator name.
const TABLE_3: [(&str, &str, &str); 6] = [
    ("Exchange Server-1", "PS6110", "Exchange1"),
    ("Exchange Server-2", "PS6110", "Exchange2"),
    ("Database-1Active", "PS6010", "Exchange1"),
    ("Database-2Active", "PS6010", "Exchange2"),
    ("Database-1Passive", "PS6010", "Exchange2"),
    ("Database-2Passive", "PS6010", "Exchange1"),
];

/// Which server wears the persona of that initiator name in the study.
fn home(initiator: &str) -> (&'static str, IpAddr) {
    match initiator {
        "Exchange1" => ("R720-1", [10, 20, 0, 11].into()),
        _ => ("R720-2", [10, 20, 0, 12].into()),
    }
}

fn admission(initiator: &str) -> Admission {
    let (server, address) = home(initiator);
    Admission {
        // As the paper writes it, made a valid IQN; preparing it folds its case.
        initiator: IscsiName::new(format!("iqn.2012-08.com.example:{initiator}")).unwrap(),
        server: server.parse().unwrap(),
        generation: Generation::new(1),
        addresses: BTreeSet::from([address]),
    }
}

fn key() -> SecretKey {
    SecretKey::new([7; 32])
}

fn login(volume: &str, admission: &Admission) -> Login {
    let Admission {
        initiator,
        server,
        generation,
        addresses,
    } = admission;
    Login {
        volume: volume.parse().unwrap(),
        initiator: initiator.to_string(),
        source: *addresses.first().unwrap(),
        chap: Some(chap(&key(), initiator, server, *generation)),
    }
}

#[tokio::test]
async fn each_server_reaches_its_image_and_its_copies_and_nothing_else() {
    let arrays = ["PS6110", "PS6010"].map(|name| {
        let portal = "10.20.0.1".parse().unwrap();
        MemoryArray::new(name.parse().unwrap(), [portal], key(), MemoryArray::TRAITS)
    });
    let find = |name| {
        arrays
            .iter()
            .find(|array| array.name().as_str() == name)
            .unwrap()
    };
    for (volume, array, initiator) in TABLE_3 {
        let (name, size) = (volume.parse().unwrap(), Size::gibibytes(200).unwrap());
        let spec = VolumeSpec {
            name,
            size,
            thin: true,
        };
        let made = find(array).create(&spec).await.unwrap();
        admit(find(array), &made.name, &admission(initiator))
            .await
            .unwrap();
    }
    for (volume, array, admitted) in TABLE_3 {
        for initiator in ["Exchange1", "Exchange2"] {
            let answer = find(array).log_in(&login(volume, &admission(initiator)), Time::EPOCH);
            assert_eq!(
                answer.is_ok(),
                initiator == admitted,
                "{initiator} on {volume}"
            );
        }
    }
    // The two images lie on one array, the four copies on the other; each has its own target.
    let mut targets = BTreeSet::new();
    for (array, count) in arrays.iter().zip([2, 4]) {
        let volumes = array.volumes().await.unwrap();
        assert_eq!(volumes.len(), count, "{}", array.name());
        targets.extend(volumes.into_iter().map(|volume| volume.target));
    }
    assert_eq!(targets.len(), TABLE_3.len());
}

#[tokio::test]
async fn the_stand_by_server_gets_in_nowhere_under_either_name() {
    let portal = "10.20.0.1".parse().unwrap();
    let array = MemoryArray::new(
        "PS6010".parse().unwrap(),
        [portal],
        key(),
        MemoryArray::TRAITS,
    );
    for (volume, _, initiator) in TABLE_3 {
        let (name, size) = (volume.parse().unwrap(), Size::gibibytes(200).unwrap());
        let made = array
            .create(&VolumeSpec {
                name,
                size,
                thin: true,
            })
            .await
            .unwrap();
        admit(&array, &made.name, &admission(initiator))
            .await
            .unwrap();
        let spare = Admission {
            server: "R720-3".parse().unwrap(),
            addresses: BTreeSet::from([[10, 20, 0, 13].into()]),
            ..admission(initiator)
        };
        assert!(
            array.log_in(&login(volume, &spare), Time::EPOCH).is_err(),
            "{volume}"
        );
    }
}
