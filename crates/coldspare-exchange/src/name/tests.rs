use proptest::prelude::*;

use super::*;

#[test]
fn one_server_by_any_of_its_spellings_is_one_member() {
    let short = MemberName::new("S0141KL").unwrap();
    for spelling in ["s0141kl", "S0141kl.example.com", "s0141KL."] {
        assert_eq!(short, MemberName::new(spelling).unwrap(), "{spelling}");
    }
    assert_eq!(short.to_string(), "S0141KL", "shown as it was written");
    assert_ne!(short, MemberName::new("S0141KM").unwrap());
}

#[test]
fn an_identity_is_split_at_its_last_backslash_and_keeps_blanks() {
    let copy: CopyId = "Mailbox Database 1\\S0141KL".parse().unwrap();
    assert_eq!(copy.database.as_str(), "Mailbox Database 1");
    assert_eq!(copy.member, "s0141kl".parse().unwrap());
    assert_eq!(copy.to_string(), "Mailbox Database 1\\S0141KL");
    assert!("Mailbox Database 1".parse::<CopyId>().is_err());
    assert!("\\S0141KL".parse::<CopyId>().is_err());
}

#[test]
fn a_group_has_at_most_fifteen_characters() {
    assert!(DagName::new("DAG1-2016-NORTH").is_ok());
    let error = DagName::new("DAG1-2016-NORTH1").unwrap_err();
    assert_eq!(error.reason, "it is longer than Exchange allows");
}

proptest! {
    #[test]
    fn any_text_is_a_name_that_survives_json_or_is_refused(text in "\\PC{0,80}") {
        if let Ok(name) = DatabaseName::new(&text) {
            let json = serde_json::to_string(&name).unwrap();
            let back: DatabaseName = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(name.as_str(), back.as_str());
        }
        let _ = text.parse::<CopyId>();
    }

    #[test]
    fn equal_names_are_equal_in_every_case(text in "[a-zA-Z0-9 -]{0,20}") {
        if let Ok(name) = DatabaseName::new(&text) {
            prop_assert_eq!(&name, &DatabaseName::new(text.to_uppercase()).unwrap());
            prop_assert_eq!(name, DatabaseName::new(text.to_lowercase()).unwrap());
        }
    }
}
