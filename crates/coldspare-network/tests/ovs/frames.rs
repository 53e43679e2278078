//! Ethernet frames, sent and heard at the host ends of the cables.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

/// A host's NIC: it sends whatever it likes, and hears all that reaches it.
pub(crate) struct Nic(OwnedFd);

/// Marks our frames among those that kernels send by themselves (an Ethernet type for experiments,
/// IEEE 802).
const TYPE: [u8; 2] = [0x88, 0xb5];

impl Nic {
    pub(crate) fn new(namespace: &str, interface: &str) -> Self {
        let file = File::open(format!("/run/netns/{namespace}")).unwrap();
        let interface = interface.to_owned();
        // A socket stays in the namespace where it was made; only this thread goes there.
        let made = thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let all = SockProtocol::EthAll;
            let made = socket(AddressFamily::Packet, SockType::Raw, flags, all).unwrap();
            bind(made.as_raw_fd(), &link_address(&interface)).unwrap();
            made
        });
        Self(made.join().unwrap())
    }

    /// Sends a frame to everybody, tagged or not, that says something.
    pub(crate) fn send(&self, tag: Option<u16>, says: u16) {
        let mut frame = [&[0xff; 6], &[2, 0, 0, 0, 0, 9][..]].concat();
        if let Some(tag) = tag {
            frame.extend([0x81, 0x00]);
            frame.extend(tag.to_be_bytes());
        }
        frame.extend(TYPE);
        frame.extend(says.to_be_bytes());
        frame.resize(64, 0);
        // A full queue loses a frame, as networks do.
        let _ = send(self.0.as_raw_fd(), &frame, MsgFlags::empty());
    }

    /// What frames said that have come in since the last time, tagged or not: the kernel keeps the
    /// tag to itself.
    pub(crate) fn heard(&self) -> Vec<u16> {
        let mut heard = Vec::new();
        let mut frame = [0; 2048];
        while let Ok(length) = recv(self.0.as_raw_fd(), &mut frame, MsgFlags::empty()) {
            if length >= 16 && frame[12..14] == TYPE {
                heard.push(u16::from_be_bytes([frame[14], frame[15]]));
            }
        }
        heard
    }
}

/// Time enough for a frame to pass a switch in user space.
pub(crate) async fn travel() {
    tokio::time::sleep(Duration::from_millis(40)).await;
}

fn link_address(interface: &str) -> LinkAddr {
    let addresses = getifaddrs()
        .unwrap()
        .filter(|one| one.interface_name == interface);
    let mut links = addresses.filter_map(|one| one.address?.as_link_addr().copied());
    links.next().unwrap()
}
