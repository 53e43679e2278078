use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use coldspare_names::Channel;
use coldspare_network::VlanId;
use proptest::prelude::*;

use super::*;

use self::mistakes::MISTAKES;

mod drivers;
mod mistakes;
mod part;

const WHITE_PAPER: &str = include_str!("../../../../examples/sites/white-paper.toml");

fn white_paper() -> Site {
    Site::parse(WHITE_PAPER, "white-paper.toml").unwrap()
}

fn examples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sites");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files.collect()
}

/// What is wrong with the white paper's site once each first text is replaced by the second.
fn refused(changes: &[(&str, &str)]) -> Vec<SiteError> {
    let mut text = WHITE_PAPER.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the example has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    Site::parse(&text, "site.toml").unwrap_err().errors
}

#[test]
fn every_example_site_is_whole() {
    let examples = examples();
    assert!(examples.len() >= 5);
    for path in examples {
        let site = Site::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(Some(site.name.as_str()), path.file_stem().unwrap().to_str());
    }
}

#[test]
fn the_white_papers_site_has_the_papers_three_tables() {
    let site = white_paper();
    let managed = site
        .switches
        .values()
        .filter(|switch| switch.is_managed())
        .count();
    assert_eq!(
        (site.servers.len(), managed, site.switches.len() - managed),
        (3, 2, 2)
    );
    for SiteServer { server, .. } in site.servers.values() {
        assert_eq!(
            (server.nics.len(), server.san_ports.as_slice().len()),
            (4, 2)
        );
    }

    for (name, vlan, channels) in [
        ("scn", 4004, [1, 2]),
        ("mapi", 103, [3, 4]),
        ("replication", 104, [4, 3]),
    ] {
        let network = site.networks.get(&name.parse().unwrap()).unwrap();
        let in_order: Vec<u8> = network.channels.in_order().map(Channel::number).collect();
        assert_eq!(
            (network.vlan, &in_order[..]),
            (VlanId::new(vlan).unwrap(), &channels[..])
        );
    }

    for (persona, initiator, image, data) in [
        (
            "exchange-1",
            "exchange1",
            "Exchange Server-1",
            ["Database-1Active", "Database-2Passive"],
        ),
        (
            "exchange-2",
            "exchange2",
            "Exchange Server-2",
            ["Database-1Passive", "Database-2Active"],
        ),
    ] {
        let persona = &site.personas[persona].persona;
        assert!(
            persona
                .initiator
                .as_str()
                .ends_with(&format!(":{initiator}"))
        );
        assert_eq!(
            persona.image.to_string(),
            format!("volume {image} on ps6110")
        );
        let volumes: Vec<String> = persona.data.iter().map(ToString::to_string).collect();
        assert_eq!(
            volumes,
            data.map(|volume| format!("volume {volume} on ps6010"))
        );
        assert_eq!(persona.boot_timer.length(), Duration::from_mins(20));
    }
    assert!(site.externals.values().all(|external| external.assumption));
}

#[test]
fn every_mistake_is_told_with_its_line_its_key_and_its_reason() {
    let mut untold = Vec::new();
    for (from, to, key, reason) in MISTAKES {
        let errors = refused(&[(from, to)]);
        let told = |error: &SiteError| {
            error.key.to_string() == *key
                && error.to_string().contains(reason)
                && error.place.is_some()
        };
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        if !errors.iter().any(told) || lines.concat().contains("sesame") {
            untold.push(format!("{from:?} -> {to:?} told {lines:#?}"));
        }
    }
    assert!(untold.is_empty(), "{}", untold.join("\n"));
}

#[test]
fn a_mistake_is_told_at_the_line_where_it_was_made() {
    for (from, to, line) in [
        ("vlan = 104 ", "vlan = 103 ", "vlan = 103 # \"Y\""),
        (
            "feed = \"b\"",
            "feed = 2",
            "domains = { rack = \"1\", feed = 2",
        ),
        (
            "10.10.5.22",
            "10.10.5.21",
            "  { mac = \"00:00:5e:00:53:26\"",
        ),
        (
            "home = \"r720-2\"",
            "home = \"r720-9\"",
            "home = \"r720-9\"",
        ),
        (
            "memory = \"32 GiB\"",
            "memory = 32",
            "requirements = { memory = 32",
        ),
        (
            "[externals.witness-1]\n",
            "[externals.witness-1]\nport = 1\n",
            "port = 1",
        ),
        (
            "recovery-time-objective = \"1h\" #",
            "recovery =",
            "recovery =",
        ),
        ("# --- Storage", "[servers.r720-4]", "[servers.r720-4]"),
    ] {
        assert!(WHITE_PAPER.contains(from), "{from:?}");
        let text = WHITE_PAPER.replacen(from, to, 1);
        let errors = Site::parse(&text, "site.toml").unwrap_err().errors;
        let told = errors
            .iter()
            .filter_map(|error| text.lines().nth(error.place?.line - 1));
        let told: Vec<&str> = told.collect();
        assert!(
            told.iter().all(|told| told.starts_with(line)),
            "{line}: {told:?}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let changes = [
        ("vlan = 4004", "vlan = 5000"),
        ("uplinks", "uplink"),
        ("memory = \"64 GiB\"", "memory = 64"),
        ("home = \"r720-2\"", "home = \"r720-9\""),
        ("role = \"witness\"", "role = \"witnes\""),
        ("boot-timer = \"20m\"", "boot-timer = \"soon\""),
    ];
    let errors = refused(&changes);
    assert!(errors.len() >= changes.len(), "{errors:#?}");
    assert!(errors.is_sorted_by_key(|error| error.place));
    for (_, to) in changes {
        let key = to.split(' ').next().unwrap();
        let told = errors
            .iter()
            .any(|error| error.key.to_string().ends_with(key));
        assert!(told, "{key}: {errors:#?}");
    }
}

#[test]
fn errors_read_like_those_of_a_compiler() {
    let text = "nam = 'study'\nsan-subnet = '10.0.0.0/8'\nkey = 'hunter2'\n\n\
                [networks.scn]\nvlan = 5000\nkind = 'application'\nsubnet = '10.0.0.0'\n";
    insta::assert_snapshot!(Site::parse(text, "racks/site.toml").unwrap_err(), @r#"
    racks/site.toml:1:1: the key "name" is missing
    racks/site.toml:1:1: nam: this key is not known here; did you mean "name"?
    racks/site.toml:3:1: key: a secret is never written here: say where it is, { env = "NAME" } or { file = "/path" }
    racks/site.toml:5:11: networks.scn: the key "primary-channel" is missing
    racks/site.toml:6:1: networks.scn.vlan: 5000 is no VLAN: they are numbered 1 to 4094
    racks/site.toml:8:1: networks.scn.subnet: invalid IP address syntax: "10.0.0.0"
    "#);
}

/// A file that ends with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("coldspare-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn why_refused(&self) -> String {
        let errors = Site::load(&self.0).unwrap_err();
        assert_eq!(errors.file, self.0.display().to_string());
        errors.errors[0].to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

#[test]
fn a_file_that_is_no_site_is_refused_for_one_clear_reason() {
    assert_eq!(Scratch::new("empty", b"").why_refused(), "it is empty");
    assert_eq!(Scratch::new("blank", b" \n\n").why_refused(), "it is empty");
    let binary = Scratch::new("binary", b"name = \"x\"\n\x7fELF\xff\xfe\0\0").why_refused();
    assert_eq!(binary, "it is not text in UTF-8: byte 15, in line 2");

    let large = Scratch::new("large", b"");
    fs::File::options()
        .write(true)
        .open(&large.0)
        .unwrap()
        .set_len(50 << 20)
        .unwrap();
    assert_eq!(
        large.why_refused(),
        "it is longer than 16 MiB: no site file is"
    );

    for nothing in ["/nonexistent/site.toml", "/"] {
        let errors = Site::load(nothing).unwrap_err();
        assert!(
            errors
                .to_string()
                .starts_with(&format!("{nothing}: it cannot be read: "))
        );
    }
}

#[test]
fn a_secret_is_fetched_from_where_the_site_says() {
    use secrecy::ExposeSecret;

    let file = Scratch::new("key", b"open sesame\r\n");
    let secret = SecretRef::File(file.0.clone()).read().unwrap();
    assert_eq!(secret.expose_secret(), "open sesame");
    assert!(
        SecretRef::Env("COLDSPARE_NO_SUCH_VARIABLE".to_owned())
            .read()
            .is_err()
    );
    assert!(
        SecretRef::File(Scratch::new("no-key", b"\n").0.clone())
            .read()
            .is_err()
    );
}

#[test]
fn a_changed_site_is_told_key_by_key() {
    let old = white_paper();
    let text = WHITE_PAPER
        .replacen("vlan = 104", "vlan = 105", 1)
        .replacen("00:00:5e:00:53:11", "00:00:5e:00:53:99", 1)
        .replacen("boot-timer = \"20m\"", "boot-timer = \"25m\"", 1)
        .replacen("[switches.san-2]", "[switches.san-3]", 1)
        .replacen(
            "Server-2\" = { gibibytes = 100 }",
            "Server-2\" = { gibibytes = 200 }",
            1,
        );
    let new = Site::parse(&text, "site.toml").unwrap();
    let changes: Vec<String> = old
        .difference(&new)
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(changes.join("\n"), @r#"
    ~ arrays.ps6110.volumes."Exchange Server-2".size = 107374182400 -> 214748364800
    ~ networks.replication.vlan = 104 -> 105
    ~ personas.exchange-1.persona.boot-timer = "20m" -> "25m"
    ~ servers.r720-1.server.nics.1.mac = "00:00:5E:00:53:11" -> "00:00:5E:00:53:99"
    - switches.san-2 = {"driver":{"driver":"unmanaged"},"uplinks":[]}
    + switches.san-3 = {"driver":{"driver":"unmanaged"},"uplinks":[]}
    "#);
}

#[test]
fn sites_differ_if_and_only_if_a_difference_is_told() {
    let sites: Vec<Site> = examples()
        .iter()
        .map(|path| Site::load(path).unwrap())
        .collect();
    for one in &sites {
        for other in &sites {
            assert_eq!(one == other, one.difference(other).is_empty());
        }
    }
}

#[test]
fn a_site_survives_the_store() {
    for path in examples() {
        let site = Site::load(path).unwrap();
        let json = serde_json::to_string(&site).unwrap();
        assert_eq!(serde_json::from_str::<Site>(&json).unwrap(), site);
    }
}

/// Either a site, or errors that can be printed and stand inside the text.
fn taken_or_refused(text: &str) -> Result<(), TestCaseError> {
    let Err(errors) = Site::parse(text, "site.toml") else {
        return Ok(());
    };
    prop_assert!(!errors.errors.is_empty() && errors.errors.len() <= SiteErrors::MOST);
    prop_assert!(errors.to_string().len() < 100_000);
    let lines = text.matches('\n').count() + 1;
    for place in errors.errors.iter().filter_map(|error| error.place) {
        prop_assert!(
            (1..=lines).contains(&place.line) && place.column >= 1,
            "{place:?}"
        );
    }
    Ok(())
}

/// Things that somebody, or something, may put into a site file.
#[rustfmt::skip]
const SCRAPS: &[&str] = &[
    "[", "]", "[[", "]]", "{", "}", "=", "\"", "'", "\"\"\"", ",", ".", "\n", "#", "\\", "\0",
    "\u{feff}", "ß", "[servers]", "[servers.r720-1]", "[[personas]]", "x = 1", "-1", "1e999",
    "9999999999999999999999999", "1979-05-27", "inf", "true", "\"\"", "[]", "{}", "a.b.c = 1",
];

fn scraps() -> impl Strategy<Value = String> {
    let scraps = proptest::sample::select(SCRAPS).prop_map(str::to_owned);
    prop_oneof![scraps, "\\PC{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_spoilt_site_never_panics(
        spoils in prop::collection::vec((any::<prop::sample::Index>(), 0usize..60, scraps()), 1..6)
    ) {
        let mut letters: Vec<char> = WHITE_PAPER.chars().collect();
        for (at, cut, scrap) in spoils {
            let at = at.index(letters.len());
            let end = (at + cut).min(letters.len());
            letters.splice(at..end, scrap.chars());
        }
        taken_or_refused(&letters.into_iter().collect::<String>())?;
    }

    #[test]
    fn a_site_with_lines_lost_doubled_or_moved_never_panics(
        moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3), 1..6)
    ) {
        let mut lines: Vec<&str> = WHITE_PAPER.lines().collect();
        for (from, to, kind) in moves {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match kind {
                0 => drop(lines.remove(from)),
                1 => lines.insert(to, lines[from]),
                _ => lines.swap(from, to),
            }
        }
        taken_or_refused(&lines.join("\n"))?;
    }

    #[test]
    fn no_text_makes_it_panic(text in prop::collection::vec(scraps(), 0..40)) {
        taken_or_refused(&text.concat())?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let file = Scratch::new("bytes", &bytes);
        prop_assert!(Site::load(&file.0).is_err());
    }

    #[test]
    fn a_secret_written_into_the_file_is_never_repeated(secret in "[a-zA-Z0-9 +/]{12,40}") {
        for form in [format!("\"{secret}\""), format!("[\"{secret}\"]"), format!("{{ env = \"{secret} \" }}")] {
            let text = WHITE_PAPER.replacen("{ env = \"COLDSPARE_SITE_KEY\" }", &form, 1);
            let errors = Site::parse(&text, "site.toml").unwrap_err();
            let told = format!("{errors} {errors:?}");
            prop_assert!(!told.contains(&secret), "{}", told);
        }
    }
}
