use super::*;

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_and_the_next_after_it() {
    let (mut near, far) = tokio::io::duplex(64);
    let mut far = tokio::io::BufReader::new(far);
    let first = Request::Plan {
        persona: "exchange-1".parse().unwrap(),
        to: None,
    };
    let both = [first, Request::Pause { on: true }];
    let sent = both.clone();
    let sending = async move {
        for request in &sent {
            send(&mut near, request).await.unwrap();
        }
    };
    let receiving = async {
        for wanted in both {
            let found = receive::<Request>(&mut far).await.unwrap();
            assert_eq!(found, Some(wanted));
        }
        assert!(receive::<Request>(&mut far).await.unwrap().is_none());
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_line_is_read() {
    let mut lines: &[u8] =
        b"\n{}\n{\"verb\":\"fly\"}\n{\"verb\":\"pause\",\"on\":true,\"off\":1}\n\xff\n\
        {\"verb\":\"status\"}\n";
    for _ in 0..5 {
        let refused = receive::<Request>(&mut lines).await.unwrap_err();
        assert!(matches!(refused, Unreadable::Other(_)), "{refused}");
    }
    let good = receive::<Request>(&mut lines).await.unwrap();
    assert_eq!(good, Some(Request::Status));
}

#[tokio::test]
async fn a_line_without_end_is_not_kept_for_ever() {
    let mut broken_off: &[u8] = b"{\"verb\":\"status\"";
    let refused = receive::<Request>(&mut broken_off).await.unwrap_err();
    assert!(matches!(refused, Unreadable::Endless), "{refused}");
    let mut endless = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
    let refused = receive::<Request>(&mut endless).await.unwrap_err();
    assert!(matches!(refused, Unreadable::Endless), "{refused}");
}

#[test]
fn a_site_that_cannot_be_is_refused_with_its_place() {
    let site = SiteText {
        file: "site.toml".to_owned(),
        text: "nam = 'x'".to_owned(),
    };
    let errors = Request::Apply { site }.verb(None).unwrap_err();
    let errors = errors.to_string();
    assert!(errors.contains("site.toml:1:1: nam:"), "{errors}");
}

#[test]
fn a_controller_of_one_pool_takes_that_pool_of_a_site() {
    let site = SiteText {
        file: "two-pools.toml".to_owned(),
        text: include_str!("../../sites/two-pools.toml").to_owned(),
    };
    let request = Request::Compare { site };
    let pool = "laboratory".parse().unwrap();
    let Ok(Verb::Compare { site }) = request.clone().verb(Some(&pool)) else {
        panic!("it is a comparison");
    };
    let servers: Vec<_> = site.servers.keys().map(ServerName::as_str).collect();
    assert_eq!(servers, ["r720-3"]);
    let unknown = "labor".parse().unwrap();
    let refused = request.verb(Some(&unknown)).unwrap_err().to_string();
    assert!(refused.contains("no pool labor"), "{refused}");
}
