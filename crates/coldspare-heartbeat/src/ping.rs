//! Whether an address answers: ICMP echo (RFC 792; RFC 4443, section 4), which operating systems
//! answer by themselves. For personas without agent: see [`crate::Watch::Probed`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket as StdSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use tokio::net::UdpSocket;

/// Header and mark.
const LENGTH: usize = 16;
/// Room for an answer after the longest header of IPv4.
const ROOM: usize = 60 + LENGTH;

/// Whether this process may ask. It may if its group is in `net.ipv4.ping_group_range`, or if it has
/// the right to raw sockets (`CAP_NET_RAW`).
pub fn is_allowed() -> io::Result<()> {
    open(Ipv4Addr::LOCALHOST.into()).map(drop)
}

/// Asks an address for an echo, and waits until it comes. An error is said at once: this process may
/// not ask, or the network says that nobody is there. For an address that is silent it waits for
/// ever: how long is for the caller to say.
pub async fn ping(address: IpAddr) -> io::Result<()> {
    let socket = open(address)?;
    socket.connect((address, 0))?;
    let socket = UdpSocket::from_std(socket)?;
    let mark = mark();
    socket.send(&request(address, mark)).await?;
    let mut room = [0; ROOM];
    loop {
        let length = socket.recv(&mut room).await?;
        if is_answer(address, mark, &room[..length]) {
            return Ok(());
        }
    }
}

/// A socket for echoes. It stands in for one of UDP, since messages pass through it in the same way.
fn open(address: IpAddr) -> io::Result<StdSocket> {
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Datagram, flags, protocol)
        .or_else(|_| socket(family, SockType::Raw, flags, protocol))?;
    Ok(socket.into())
}

/// By which an answer is known: unlike that of whoever else asks on this machine.
fn mark() -> [u8; 8] {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    (u64::from(std::process::id()) << 32 | u64::from(number)).to_be_bytes()
}

/// Type, code, checksum, and four bytes that are the kernel's own where it numbers the socket.
fn request(address: IpAddr, mark: [u8; 8]) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    message[0] = if address.is_ipv4() { 8 } else { 128 };
    message[8..].copy_from_slice(&mark);
    // For IPv6 the kernel writes it.
    let checksum = checksum(&message);
    message[2..4].copy_from_slice(&checksum);
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(message: &[u8; LENGTH]) -> [u8; 2] {
    let (words, _) = message.as_chunks();
    let sum = words.iter().fold(0_u16, |sum, word| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes(*word));
        sum + u16::from(carry)
    });
    (!sum).to_be_bytes()
}

fn is_answer(address: IpAddr, mark: [u8; 8], message: &[u8]) -> bool {
    let start = match message.first() {
        // A raw socket hands on the header of IPv4 too: as many words as its first byte says.
        Some(first) if first >> 4 == 4 => usize::from(first & 0xf) * 4,
        _ => 0,
    };
    let kind = if address.is_ipv4() { 0 } else { 129 };
    message.get(start) == Some(&kind) && message.ends_with(&mark)
}

#[cfg(test)]
mod tests;
