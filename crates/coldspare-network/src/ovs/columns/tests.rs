use super::*;
use crate::study::{tagged, vlan};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_membership() -> impl Strategy<Value = Membership> {
    let vlans = proptest::collection::btree_set(1..4095_u16, 0..4);
    let native = proptest::option::of(1..4095_u16);
    let trunk = (vlans, native).prop_map(|(mut vlans, native)| {
        vlans.retain(|vlan| Some(*vlan) != native);
        let vlans = vlans.into_iter().map(vlan).collect();
        Trunk::new(vlans, native.map(vlan)).map_or(Membership::Parked, Membership::Trunk)
    });
    prop_oneof![
        trunk,
        (1..4095_u16).prop_map(|number| Membership::Access(vlan(number)))
    ]
}

fn read(columns: Value) -> Observed {
    serde_json::from_value::<Vlans>(columns).unwrap().observed()
}

fn row(mode: impl Into<Value>, tag: impl Into<Value>, trunks: impl Into<Value>) -> Value {
    let (mode, tag, trunks) = (mode.into(), tag.into(), trunks.into());
    json!({ "vlan_mode": mode, "tag": tag, "trunks": trunks,
            "cvlans": ["set", []], "protected": false })
}

fn none() -> Value {
    json!(["set", []])
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(membership in any_membership()) {
        let written = serde_json::to_value(Vlans::from(&membership)).unwrap();
        prop_assert_ne!(&written["vlan_mode"], &none(), "the mode is always said");
        prop_assert_eq!(read(written), Observed::Known(membership));
    }

    #[test]
    fn what_is_known_says_all_that_may_pass(
        mode in prop_oneof![
            Just(none()), Just(json!("trunk")), Just(json!("access")),
            Just(json!("native-tagged")), Just(json!("native-untagged")),
            Just(json!("dot1q-tunnel")),
        ],
        tag in proptest::option::of(0..6_u16),
        trunks in proptest::collection::btree_set(0..6_u16, 0..3),
    ) {
        let set = |numbers: Vec<u16>| json!(["set", numbers]);
        let columns = row(mode.clone(), set(tag.into_iter().collect()),
                          set(trunks.iter().copied().collect()));
        if let Observed::Known(known) = read(columns) {
            // As the manual has it: ovs-vswitchd.conf.db(5), "VLAN Configuration".
            for number in 1..6 {
                let trunked = trunks.is_empty() || trunks.contains(&number);
                let passes = match mode.as_str() {
                    Some("access") => tag == Some(number),
                    Some("trunk") => trunked,
                    Some(_) => trunked || tag == Some(number),
                    None => tag.map_or(trunked, |tag| tag == number),
                };
                prop_assert_eq!(known.passes(vlan(number)), passes, "{:?} and {}", known, number);
            }
        }
    }
}

#[test]
fn a_port_that_nobody_configured_passes_everything() {
    let found = read(row(none(), none(), none()));
    assert!(matches!(found, Observed::Foreign(_)));
    assert!(found.may_pass(vlan(101)));
}

#[test]
fn a_tag_without_a_mode_means_access() {
    let found = read(row(none(), json!(101), none()));
    assert_eq!(found, Observed::Known(Membership::Access(vlan(101))));
}

#[test]
fn a_set_of_one_is_written_without_its_brackets() {
    let columns = serde_json::to_value(Vlans::from(&tagged(&[101]))).unwrap();
    assert_eq!(columns["trunks"], json!(101));
    assert_eq!(columns["tag"], none());
    let columns = serde_json::to_value(Vlans::from(&tagged(&[101, 102]))).unwrap();
    assert_eq!(columns["trunks"], json!(["set", [101, 102]]));
}

#[test]
fn remains_of_another_mode_make_a_port_foreign() {
    for columns in [
        row(json!("trunk"), json!(101), json!(102)),
        row(json!("access"), json!(101), json!(102)),
        row(json!("native-untagged"), json!(101), none()),
        row(json!("trunk"), none(), json!(["set", [0, 101]])),
        row(json!("access"), json!(0), none()),
        row(json!("trunk"), none(), json!(4095)),
    ] {
        let found = read(columns.clone());
        assert!(
            matches!(found, Observed::Foreign(_)),
            "{columns} is {found:?}"
        );
    }
}

#[test]
fn a_trunk_with_a_native_vlan_alone_is_no_trunk_of_all() {
    let native = Membership::Trunk(Trunk::new([].into(), Some(vlan(101))).unwrap());
    let columns = serde_json::to_value(Vlans::from(&native)).unwrap();
    assert_eq!(columns["trunks"], json!(101));
    assert_eq!(read(columns), Observed::Known(native));
}
