use coldspare_names::{Generation, IscsiName};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{Chap, Identity, IscsiBoot, MemoryBmc};

fn boot() -> IscsiBoot {
    IscsiBoot {
        initiator: IscsiName::new("iqn.2026-11.lab:persona1").unwrap(),
        initiator_addresses: vec!["10.20.0.11/24".parse().unwrap()],
        target: IscsiName::new("iqn.2026-11.lab:p1").unwrap(),
        portals: vec!["10.20.0.1:3260".parse().unwrap()],
        lun: 26,
        chap: Some(Chap::new("p1g2", SecretString::from("secret-p1-gen2")).unwrap()),
        generation: Generation::new(2),
    }
}

fn written(boot: IscsiBoot) -> Result<String, &'static str> {
    script::write(&BootSource::Iscsi(boot)).map(|text| text.expose_secret().to_owned())
}

#[test]
fn firmware_reads_a_script_that_boots_the_lun() {
    let mut boot = boot();
    boot.portals.push("10.20.1.1:3261".parse().unwrap());
    let expected = "#!ipxe
ifopen net0
set net0/ip 10.20.0.11
set net0/netmask 255.255.255.0
set initiator-iqn iqn.2026-11.lab:persona1
set username p1g2
set password secret-p1-gen2
sanboot --keep iscsi:10.20.0.1::3260:1a:iqn.2026-11.lab:p1 || \
sanboot --keep iscsi:10.20.1.1::3261:1a:iqn.2026-11.lab:p1 || shell
";
    assert_eq!(written(boot).unwrap(), expected);
}

fn boots() -> impl Strategy<Value = IscsiBoot> {
    let addresses = proptest::collection::vec((any::<[u8; 4]>(), 0..33u8), 0..3);
    let portals = proptest::collection::vec(any::<([u8; 4], u16)>(), 1..4);
    let chap = proptest::option::of(("[a-z0-9.:-]{1,9}", "[A-Za-z0-9+/=]{12,16}"));
    (addresses, portals, any::<u16>(), chap).prop_map(|(addresses, portals, lun, chap)| {
        let net = |(ip, prefix)| ipnet::Ipv4Net::new_assert(<[u8; 4]>::into(ip), prefix).into();
        IscsiBoot {
            initiator_addresses: addresses.into_iter().map(net).collect(),
            portals: portals.into_iter().map(Into::into).collect(),
            lun,
            chap: chap.map(|(user, secret)| Chap::new(user, secret.into()).unwrap()),
            ..boot()
        }
    })
}

proptest! {
    #[test]
    fn what_was_written_reads_back(boot in boots()) {
        let armed = BootSource::Iscsi(boot.clone()).armed();
        let script = written(boot).unwrap();
        prop_assert_eq!(script::parse(&script).unwrap().armed(), armed);
    }

    #[test]
    fn a_damaged_script_is_not_believed(boot in boots(), cut: proptest::sample::Index) {
        let script = written(boot).unwrap();
        prop_assert!(script::parse(&script[..cut.index(script.len())]).is_none());
        prop_assert!(script::parse(&(script + "boot\n")).is_none());
    }

    #[test]
    fn no_text_is_a_panic(text: String) {
        let _ = script::parse(&text);
    }
}

#[test]
fn what_ipxe_would_take_for_something_else_is_refused() {
    for secret in [
        "twelve chars",
        "pass${user}1",
        "twelve#chars",
        "twelve\"chars",
    ] {
        let chap = Chap::new("p1g2", SecretString::from(secret)).ok();
        assert!(written(IscsiBoot { chap, ..boot() }).is_err(), "{secret}");
    }
    let initiator_addresses = vec!["fd00::11/64".parse().unwrap()];
    assert!(
        written(IscsiBoot {
            initiator_addresses,
            ..boot()
        })
        .is_err()
    );
    let portals = vec!["[fd00::1]:3260".parse().unwrap()];
    assert!(written(IscsiBoot { portals, ..boot() }).is_err());
}

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("coldspare-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn nic(folder: &Folder) -> (MemoryBmc, NicFile) {
    let server = ServerName::new("r1").unwrap();
    let bmc = MemoryBmc::new(server.clone(), Identity::of_uuid(Uuid::from_u128(7)));
    let nic = NicFile::new(server, Arc::new(bmc.clone()), folder.0.join("nic.ipxe"));
    (bmc, nic)
}

#[tokio::test]
async fn the_memory_is_for_its_owner_only_and_left_whole_by_a_writer_that_died() {
    let folder = Folder::new("nic-owner");
    let (_, nic) = nic(&folder);
    fs::write(folder.0.join("nic.ipxe.new"), "half a scr").unwrap();
    assert_eq!(nic.settings().await.unwrap().boot, Some(ArmedBoot::Nothing));

    let source = BootSource::Iscsi(boot());
    nic.set_boot(&source).await.unwrap();
    assert_eq!(nic.settings().await.unwrap().boot, Some(source.armed()));
    let mode = fs::metadata(&nic.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_memory_is_out_of_reach_while_the_controller_is() {
    let folder = Folder::new("nic-reach");
    let (bmc, nic) = nic(&folder);
    nic.set_boot(&BootSource::Iscsi(boot())).await.unwrap();
    let remembered = fs::read_to_string(&nic.path).unwrap();

    bmc.lose_mains();
    assert!(nic.set_boot(&BootSource::Nothing).await.is_err());
    assert!(nic.settings().await.is_err());
    assert_eq!(fs::read_to_string(&nic.path).unwrap(), remembered);
}

#[tokio::test]
async fn of_two_writers_at_once_one_may_try_again() {
    let folder = Folder::new("nic-two");
    let (_, nic) = nic(&folder);
    let other = File::create(folder.0.join("nic.ipxe.lock")).unwrap();
    other.lock().unwrap();
    let refused = nic.set_boot(&BootSource::Nothing).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { retry: true, .. }));
    drop(other);
    nic.set_boot(&BootSource::Nothing).await.unwrap();
}

#[tokio::test]
async fn writers_at_once_leave_what_one_of_them_wrote() {
    let folder = Folder::new("nic-race");
    let (_, nic) = nic(&folder);
    let (one, other) = (BootSource::Iscsi(boot()), BootSource::Nothing);
    for _ in 0..20 {
        let (first, second) = tokio::join!(nic.set_boot(&one), nic.set_boot(&other));
        assert!(first.is_ok() || second.is_ok());
        for refused in [&first, &second]
            .into_iter()
            .filter_map(|r| r.as_ref().err())
        {
            assert!(refused.may_retry(), "{refused:?}");
        }
        let found = nic.settings().await.unwrap().boot.unwrap();
        assert!(
            (first.is_ok() && found == one.armed()) || (second.is_ok() && found == other.armed())
        );
    }
}

#[tokio::test]
async fn a_file_that_somebody_else_wrote_is_not_explained_away() {
    let folder = Folder::new("nic-strange");
    let (_, nic) = nic(&folder);
    fs::write(&nic.path, "#!ipxe\nsanboot http://example.com/disk\n").unwrap();
    let told = nic.settings().await.unwrap_err();
    assert!(matches!(told, Error::Unreadable { .. }));
}
