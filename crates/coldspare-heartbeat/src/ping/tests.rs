use std::net::Ipv6Addr;
use std::time::Duration;

use tokio::time::timeout;

use super::*;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// An address of documents, which nobody has (RFC 5737).
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
const MARK: [u8; 8] = *b"our mark";

/// Whether the tests on real sockets can run; if not, it is said why.
fn can_run() -> bool {
    let Err(error) = is_allowed() else {
        return true;
    };
    let told = format!("pinging was not tested: this process may not: {error}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{told}");
    eprintln!("{told}");
    false
}

async fn answer(address: IpAddr) -> bool {
    let limit = Duration::from_millis(500);
    matches!(timeout(limit, ping(address)).await, Ok(Ok(())))
}

#[tokio::test]
async fn a_system_that_runs_answers_and_nobody_does_not() {
    if can_run() {
        assert!(answer(V4).await);
        assert!(!answer(NOBODY).await);
    }
}

#[tokio::test]
async fn each_of_those_who_ask_at_the_same_time_gets_the_answer_to_its_own_question() {
    if can_run() {
        let (one, other, nobody) = tokio::join!(answer(V4), answer(V4), answer(NOBODY));
        assert_eq!((one, other, nobody), (true, true, false));
    }
}

#[test]
fn a_request_is_as_the_standard_says() {
    assert_eq!(request(V4, MARK), *b"\x08\0\x36\x9d\0\0\0\0our mark");
    assert_eq!(checksum(&request(V4, MARK)), [0; 2]);
    assert_eq!(request(V6, MARK)[..2], [128, 0]);
}

#[test]
fn only_the_answer_to_our_own_request_is_taken_for_one() {
    let reply = *b"\0\0\xff\xff\0\x07\0\0our mark";
    assert!(is_answer(V4, MARK, &reply));
    let with_header = [&[0x46; 1][..], &[0; 23], &reply].concat();
    assert!(is_answer(V4, MARK, &with_header));
    let of_v6 = [&[129][..], &reply[1..]].concat();
    assert!(is_answer(V6, MARK, &of_v6));

    assert!(!is_answer(V6, MARK, &reply));
    assert!(!is_answer(V4, MARK, &request(V4, MARK)), "our own");
    assert!(!is_answer(V4, *b"his mark", &reply));
    assert!(!is_answer(V4, MARK, &reply[..15]));
    assert!(!is_answer(V4, MARK, &[]));
    assert!(!is_answer(V4, MARK, &[0x4f]), "cut off in the header");
}
