//! Receiving many datagrams with one call.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::wire;

/// Datagrams for one call.
const BATCH: usize = 64;
/// What the kernel is asked to keep for us: room for a burst of thousands.
const KEPT: usize = 8 << 20;

/// A socket that is listened to, and its buffers.
#[derive(Debug)]
pub(super) struct Ear {
    socket: UdpSocket,
    /// One byte more than a datagram has, so that a longer one is seen to be longer.
    buffers: Box<[[u8; wire::LENGTH + 1]; BATCH]>,
}

/// How far a call of [`Ear::drain`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drained {
    pub(super) datagrams: usize,
    /// Whether nothing was left.
    pub(super) dry: bool,
}

impl Ear {
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        // With the right to do so, beyond the system's limit; otherwise up to it.
        if setsockopt(&socket, sockopt::RcvBufForce, &KEPT).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &KEPT)?;
        }
        Ok(Self {
            socket,
            buffers: Box::new([[0; wire::LENGTH + 1]; BATCH]),
        })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Hands on what has arrived, at most about so many datagrams.
    pub(super) fn drain(
        &mut self,
        most: usize,
        mut heard: impl FnMut(&UdpSocket, &[u8], Option<SocketAddr>),
    ) -> io::Result<Drained> {
        let Self { socket, buffers } = self;
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
        let mut datagrams = 0;
        while datagrams < most {
            let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
            let received = socket.try_io(Interest::READABLE, || {
                let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
                let messages = recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)?;
                let mut received = 0;
                for message in messages {
                    let bytes = message.iovs().next().unwrap_or_default();
                    heard(socket, bytes, message.address.as_ref().and_then(address));
                    received += 1;
                }
                Ok(received)
            });
            match received {
                Ok(received) => datagrams += received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Drained {
                        datagrams,
                        dry: true,
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Drained {
            datagrams,
            dry: false,
        })
    }
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from
        .as_sockaddr_in()
        .map(|&from| SocketAddr::V4(from.into()));
    v4.or_else(|| {
        from.as_sockaddr_in6()
            .map(|&from| SocketAddr::V6(from.into()))
    })
}
