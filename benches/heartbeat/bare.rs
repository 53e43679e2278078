//! Bare sockets, for the floor: received from in batches, and no more.

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

/// The bare batched receive, which does with each datagram as told, and nothing else.
pub(crate) fn receive_batches(socket: &UdpSocket, mut each: impl FnMut(&[u8])) -> usize {
    let mut buffers = [[0u8; LENGTH + 1]; BATCH];
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
        for message in messages {
            received += usize::from(std::hint::black_box(message.bytes) > 0);
            message.iovs().for_each(&mut each);
        }
    }
}
