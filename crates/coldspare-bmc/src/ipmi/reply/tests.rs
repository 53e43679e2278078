use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn answers_are_read_as_they_were_printed(
        one in proptest::collection::vec(any::<u8>(), 1..17),
        other in proptest::collection::vec(any::<u8>(), 1..17),
    ) {
        let print = |bytes: &[u8]| {
            let bytes: Vec<_> = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
            bytes.concat() + "\n"
        };
        let printed = print(&one) + &print(&other);
        prop_assert_eq!(answers(printed.as_bytes()).unwrap(), [one, other]);
        prop_assert!(answers::<1>(printed.as_bytes()).is_err());
        prop_assert!(answers::<3>(printed.as_bytes()).is_err());
    }

    #[test]
    fn no_text_is_a_panic(text: Vec<u8>) {
        let _ = answers::<1>(&text);
        let _ = power(&text);
        let _ = restore_policy(&text);
        let _ = complaint(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn only_a_whole_status_without_the_power_bit_is_off(status: Vec<u8>) {
        let off = matches!(status[..], [first, _, _] | [first, _, _, _] if first & 1 == 0);
        prop_assert_eq!(power(&status) == Some(PowerState::Off), off);
    }
}

#[test]
fn what_is_no_answer_is_not_read_as_one() {
    for text in [
        "\n",
        " 0",
        " 0g\n",
        "00\n",
        " 00 0\n",
        " +1\n",
        "Chassis Power is off\n",
    ] {
        let read = answers::<1>(text.as_bytes());
        assert!(
            read.is_err() || power(&read.unwrap()[0]).is_none(),
            "{text:?}"
        );
    }
}

#[test]
fn the_restore_policy_stands_beside_the_power() {
    let policy = |first| restore_policy(&[first, 0, 0]).unwrap();
    assert_eq!(policy(0b0000_0001), Some(RestorePolicy::AlwaysOff));
    assert_eq!(policy(0b0010_0000), Some(RestorePolicy::LastState));
    assert_eq!(policy(0b0100_0001), Some(RestorePolicy::AlwaysOn));
    assert_eq!(policy(0b0110_0001), None);
    assert_eq!(restore_policy(&[]), None);
}

#[test]
fn a_complaint_is_told_from_silence() {
    let end = "Error: Unable to establish IPMI v2 / RMCP+ session";
    let is_denied = |text: &str| matches!(complaint(text), Failure::Denied(_));
    assert!(is_denied(&format!("> RAKP 2 HMAC is invalid\n{end}\n")));
    let unknown = "RAKP 2 message indicates an error : unauthorized name";
    assert!(is_denied(&format!("{unknown}\n{end}\n")));

    let refused = |text: &str| match complaint(text) {
        Failure::Refused { code, retry, .. } => Some((code, retry)),
        _ => None,
    };
    let full = "Error in open session response message : insufficient resources for session";
    assert_eq!(refused(&format!("{full}\n\n{end}\n")), Some((None, true)));
    let suite = "Error in open session response message : invalid authentication algorithm";
    assert_eq!(refused(&format!("{suite}\n\n{end}\n")), Some((None, false)));

    assert!(matches!(complaint(end), Failure::NoAnswer(_)));
    let lost = "Unable to send RAW command (channel=0x0 netfn=0x0 lun=0x0 cmd=0x1)";
    assert!(matches!(complaint(lost), Failure::NoAnswer(_)));
    assert!(matches!(complaint("what?"), Failure::Unreadable(_)));
}

#[test]
fn a_completion_code_says_whether_trying_again_may_help() {
    let complaint = |code: u8| {
        let channel = "channel=0x0 netfn=0x0 lun=0x0 cmd=0x2";
        complaint(&format!(
            "Unable to send RAW command ({channel} rsp={code:#x}): words"
        ))
    };
    assert!(matches!(complaint(0xd4), Failure::Denied(_)));
    for (refusing, passes) in [(0xc0, true), (0xd2, true), (0xd5, false), (0xcc, false)] {
        let found = complaint(refusing);
        assert!(
            matches!(found, Failure::Refused { code, retry, .. }
                if code == Some(refusing) && retry == passes),
            "{found:?}"
        );
    }
}
