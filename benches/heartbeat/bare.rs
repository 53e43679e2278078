//! Bare sockets, for comparison: received from in batches, and no more.

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use coldspare_heartbeat::wire::LENGTH;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};

use crate::{BATCH, must};

/// A socket as the monitor has, without the monitor.
pub(crate) fn bare_socket() -> UdpSocket {
    let socket = must(UdpSocket::bind("127.0.0.1:0"));
    must(socket.set_nonblocking(true));
    let kept = 8 << 20;
    if setsockopt(&socket, sockopt::RcvBufForce, &kept).is_err() {
        must(setsockopt(&socket, sockopt::RcvBuf, &kept));
    }
    socket
}

/// A datagram, and room for the byte that one too long would have.
pub(crate) type Buffer = [u8; LENGTH + 1];

/// The bare batched receive, which does with each batch as told, and nothing else.
pub(crate) fn receive_batches(socket: &UdpSocket, mut each: impl FnMut(&[Buffer])) -> usize {
    let mut buffers: [Buffer; BATCH] = [[0; LENGTH + 1]; BATCH];
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut received = 0;
    loop {
        let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let batch = recvmmsg(
            socket.as_raw_fd(),
            &mut headers,
            slices.iter_mut(),
            flags,
            None,
        );
        let Ok(messages) = batch else {
            return received;
        };
        let whole = messages.filter(|message| std::hint::black_box(message.bytes) == LENGTH);
        let count = whole.count();
        each(&buffers[..count]);
        received += count;
    }
}

/// The least state with which agents can be heard that have a key each: finds the key, proves the
/// datagram by it, one after the other, and remembers its sequence.
pub(crate) struct LeastTable(Vec<Least>);

#[derive(Clone)]
#[repr(align(64))]
struct Least {
    key: [u8; 32],
    newest: u32,
}

impl LeastTable {
    pub(crate) fn new(keys: impl Iterator<Item = [u8; 32]>) -> Self {
        Self(keys.map(|key| Least { key, newest: 0 }).collect())
    }

    /// How many were taken.
    pub(crate) fn take(&mut self, batch: &[Buffer]) -> usize {
        let number = |datagram: &Buffer, at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&datagram[at..at + 4]);
            u32::from_be_bytes(bytes)
        };
        let place = |datagram: &Buffer| number(datagram, 4) as usize;
        for datagram in batch {
            std::hint::black_box(self.0[place(datagram)].newest);
        }
        let mut taken = 0;
        for datagram in batch {
            let least = &mut self.0[place(datagram)];
            let tag = blake3::keyed_hash(&least.key, &datagram[..48]);
            let sequence = number(datagram, 16);
            if tag.as_bytes()[..16] == datagram[48..LENGTH] && sequence > least.newest {
                least.newest = sequence;
                taken += 1;
            }
        }
        taken
    }
}
