//! Drivers of real devices: read, refused, told apart, and left out of a build.

use super::*;

/// What is written in the white paper's site, and what real devices make of it.
#[rustfmt::skip]
const REAL: [(&str, &str, &str); 3] = [
    ("ipmi", "bmc = { driver = \"memory\" }",
        "bmc = { driver = \"ipmi\", address = \"10.10.0.11:623\", user = \"coldspare\", \
         password = { file = \"/etc/coldspare/bmc\" }, nic-file = \"/srv/nic.ipxe\" }"),
    ("ovs", "driver = \"memory\"\nuplinks",
        "driver = \"ovs\"\ndatabase = \"unix:/run/db.sock\"\nbridge = \"lan\"\n\
         control = \"/run/vswitchd.ctl\"\nuplinks"),
    ("tgt", "driver = \"memory\"\nportals",
        "driver = \"tgt\"\nsocket = \"/run/tgt.sock\"\ndirectory = \"/srv/images\"\n\
         naming = \"iqn.2026-11.com.example:ps6110\"\nportals"),
];

#[cfg(not(any(feature = "ipmi", feature = "ovs", feature = "tgt")))]
#[test]
fn a_driver_that_the_build_lacks_is_refused_with_the_feature_that_brings_it() {
    for (driver, from, to) in REAL {
        let errors = refused(&[(from, to)]);
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let [told] = &told[..] else {
            panic!("{told:#?}");
        };
        let reason = format!("this build lacks it: coldspare's feature {driver:?} brings it");
        assert!(told.ends_with(&format!(".driver: {reason}")), "{told}");
        assert!(errors[0].place.is_some_and(|place| place.line > 1));
    }
}

#[cfg(all(feature = "ipmi", feature = "ovs", feature = "tgt"))]
mod all {
    use std::sync::Arc;

    use coldspare_bmc::{CipherSuite, GuidOrder};
    use coldspare_network::ovs::Endpoint;

    use super::*;
    use crate::connect;

    fn real(changes: &[(&str, &str)]) -> String {
        let real = REAL.map(|(_, from, to)| (from, to));
        let mut text = WHITE_PAPER.to_owned();
        for (from, to) in real.iter().chain(changes) {
            assert!(text.contains(from), "the site has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        text
    }

    fn read(text: &str) -> Site {
        Site::parse(text, "site.toml").unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn what_is_left_out_is_what_most_devices_have() {
        let site = read(&real(&[]));
        let BmcDriver::Ipmi(bmc) = &site.servers["r720-1"].bmc else {
            panic!("{:?}", site.servers["r720-1"].bmc);
        };
        assert_eq!(
            (bmc.cipher_suite, bmc.guid_order, bmc.limit),
            (
                CipherSuite::Sha256,
                GuidOrder::Smbios,
                Duration::from_secs(5)
            )
        );
        let SwitchDriver::Ovs(switch) = &site.switches["lan-1"].driver else {
            panic!("{:?}", site.switches["lan-1"].driver);
        };
        assert_eq!(switch.database, Endpoint::Unix("/run/db.sock".into()));
        assert_eq!(switch.limit, Duration::from_secs(3));
        let ArrayDriver::Tgt(array) = &site.arrays["ps6110"].driver else {
            panic!("{:?}", site.arrays["ps6110"].driver);
        };
        assert_eq!(array.limit, Duration::from_secs(5));
    }

    #[test]
    fn a_site_with_real_devices_survives_the_store() {
        let site = read(&real(&[]));
        let json = serde_json::to_string(&site).unwrap();
        assert_eq!(serde_json::from_str::<Site>(&json).unwrap(), site);
    }

    #[test]
    fn a_changed_driver_is_told_key_by_key() {
        let old = read(&real(&[]));
        let new = read(&real(&[
            (
                "\"10.10.0.11:623\"",
                "\"10.10.0.12:623\", cipher-suite = \"sha1\"",
            ),
            (
                "control = \"/run/vswitchd.ctl\"",
                "settling = \"700ms\"\nlimit = \"4s\"",
            ),
            ("/srv/images", "/srv/other"),
        ]));
        let changes: Vec<_> = old
            .difference(&new)
            .iter()
            .map(ToString::to_string)
            .collect();
        insta::assert_snapshot!(changes.join("\n"), @r#"
        ~ arrays.ps6110.driver.directory = "/srv/images" -> "/srv/other"
        ~ servers.r720-1.bmc.address = "10.10.0.11:623" -> "10.10.0.12:623"
        ~ servers.r720-1.bmc.cipher-suite = "sha256" -> "sha1"
        - switches.lan-1.driver.control = "/run/vswitchd.ctl"
        ~ switches.lan-1.driver.limit = "3s" -> "4s"
        ~ switches.lan-1.driver.settling = "1s" -> "700ms"
        "#);
    }

    #[test]
    fn every_mistake_in_a_real_device_is_told() {
        let mut untold = Vec::new();
        for (from, to, key, reason) in MISTAKES {
            let errors = Site::parse(&real(&[(from, to)]), "site.toml").unwrap_err();
            let told = |error: &SiteError| {
                error.key.to_string() == *key
                    && error.to_string().contains(reason)
                    && error.place.is_some_and(|place| place.line > 1)
            };
            if !errors.errors.iter().any(told) || errors.to_string().contains("sesame") {
                untold.push(format!("{from:?} -> {to:?} told {errors}"));
            }
        }
        assert!(untold.is_empty(), "{}", untold.join("\n"));
    }

    #[rustfmt::skip]
    const MISTAKES: &[(&str, &str, &str, &str)] = &[
        ("\"ipmi\"", "\"ipmy\"", "servers.r720-1.bmc.driver", "did you mean \"ipmi\"?"),
        ("\"ovs\"", "\"ovz\"", "switches.lan-1.driver", "did you mean \"ovs\"?"),
        ("\"tgt\"", "\"tgtd\"", "arrays.ps6110.driver", "did you mean \"tgt\"?"),
        ("nic-file", "nicfile", "servers.r720-1.bmc.nicfile", "did you mean \"nic-file\"?"),
        ("naming", "name", "arrays.ps6110.name", "did you mean \"naming\"?"),
        ("10.10.0.11:623", "10.10.0.11", "servers.r720-1.bmc.address", "10.10.0.11"),
        ("\"coldspare\"", "\"cold spare\"", "servers.r720-1.bmc.user", "printable ASCII"),
        ("{ file = \"/etc/coldspare/bmc\" }", "\"sesame\"",
            "servers.r720-1.bmc.password", "never written here"),
        ("/etc/coldspare/bmc", "bmc", "servers.r720-1.bmc.password.file", "absolute path"),
        ("/srv/nic.ipxe", "nic.ipxe", "servers.r720-1.bmc.nic-file", "absolute path"),
        ("user =", "guid-order = \"smbus\", user =",
            "servers.r720-1.bmc.guid-order", "did you mean \"smbios\"?"),
        ("user =", "cipher-suite = 3, user =", "servers.r720-1.bmc.cipher-suite", "wanted string"),
        ("unix:/run/db.sock", "/run/db.sock", "switches.lan-1.database", "neither unix:FILE nor"),
        ("bridge = \"lan\"", "", "switches.lan-1", "the key \"bridge\" is missing"),
        ("/run/vswitchd.ctl", "vswitchd.ctl", "switches.lan-1.control", "absolute path"),
        ("control =", "settling = \"1s\"\ncontrol =", "switches.lan-1.settling", "is waited for"),
        ("control =", "limit = 3\ncontrol =", "switches.lan-1.limit", "expected string"),
        ("/srv/images", "srv/images", "arrays.ps6110.directory", "absolute path"),
        ("/srv/images", "/srv/a,b", "arrays.ps6110.directory", "without comma"),
        ("iqn.2026-11.com.example:ps6110", "ps6110", "arrays.ps6110.naming", "begins with neither"),
    ];

    #[test]
    fn a_real_device_is_connected_to_without_asking_it_anything() {
        let folder = std::env::temp_dir();
        let password = Scratch::new("password", b"open sesame\n");
        let key = Scratch::new("site-key", b"open sesame too\n");
        let text = real(&[
            ("/etc/coldspare/bmc", password.0.to_str().unwrap()),
            (
                "{ env = \"COLDSPARE_SITE_KEY\" }",
                &format!("{{ file = {:?} }}", key.0),
            ),
            ("/srv/images", folder.join("images").to_str().unwrap()),
        ]);
        let devices = connect(&read(&text)).unwrap();
        let told = format!("{:?}", devices.bmcs["r720-1"]);
        assert!(
            told.contains("10.10.0.11:623") && !told.contains("sesame"),
            "{told}"
        );
        assert_eq!(devices.switches["lan-1"].name().as_str(), "lan-1");
        assert!(devices.arrays["ps6110"].traits().binds());
        assert_eq!(Arc::strong_count(&devices.arrays["ps6110"]), 1);
    }

    #[test]
    fn a_password_that_is_not_there_is_told_with_its_server() {
        let key = Scratch::new("another-key", b"open sesame\n");
        let text = real(&[
            ("/etc/coldspare/bmc", "/nonexistent/password"),
            (
                "{ env = \"COLDSPARE_SITE_KEY\" }",
                &format!("{{ file = {:?} }}", key.0),
            ),
        ]);
        let error = connect(&read(&text)).unwrap_err().to_string();
        assert_eq!(
            error,
            "the password for the management controller of r720-1 cannot be read"
        );
    }
}
