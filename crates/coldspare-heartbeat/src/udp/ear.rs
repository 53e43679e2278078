//! Receiving many datagrams with one call.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};

use super::sockets::Drained;
use crate::wire;

/// Datagrams for one call.
const BATCH: usize = 64;
/// What the kernel is asked to keep for us: room for a burst of thousands.
const KEPT: usize = 8 << 20;

/// A socket that is listened to, and its buffers.
///
/// It is read every few milliseconds, and not when something arrives: to be woken for every datagram
/// would cost several times as much as to receive it.
#[derive(Debug)]
pub(super) struct Ear {
    socket: UdpSocket,
    /// One byte more than a datagram has, so that a longer one is seen to be longer.
    buffers: Box<[[u8; wire::LENGTH + 1]; BATCH]>,
}

impl Ear {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        // With the right to do so, beyond the system's limit; otherwise up to it.
        if setsockopt(&socket, sockopt::RcvBufForce, &KEPT).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &KEPT)?;
        }
        Ok(Self {
            socket,
            buffers: Box::new([[0; wire::LENGTH + 1]; BATCH]),
        })
    }

    pub(super) fn tie(&self, interface: &str) -> io::Result<()> {
        setsockopt(&self.socket, sockopt::BindToDevice, &interface.into())?;
        Ok(())
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Hands on what has arrived, batch by batch, at most about so many datagrams.
    pub(super) fn drain(
        &mut self,
        most: usize,
        mut heard: impl FnMut(&UdpSocket, &[Received<'_>]),
    ) -> io::Result<Drained> {
        let Self { socket, buffers } = self;
        let fd = socket.as_raw_fd();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
        let mut datagrams = 0;
        while datagrams < most {
            let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let messages = match recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) {
                Ok(messages) => messages,
                Err(Errno::EAGAIN) => {
                    return Ok(Drained {
                        datagrams,
                        dry: true,
                    });
                }
                Err(error) => return Err(error.into()),
            };
            let mut batch = [Received::NOTHING; BATCH];
            let mut received = 0;
            for (message, place) in messages.zip(&mut batch) {
                *place = Received {
                    bytes: message.iovs().next().unwrap_or_default(),
                    from: message.address,
                };
                received += 1;
            }
            heard(socket, &batch[..received]);
            datagrams += received;
        }
        Ok(Drained {
            datagrams,
            dry: false,
        })
    }
}

/// A datagram that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Its content; one that is longer than any message is cut, and still too long.
    pub bytes: &'a [u8],
    from: Option<SockaddrStorage>,
}

impl Received<'_> {
    const NOTHING: Self = Self {
        bytes: &[],
        from: None,
    };

    /// Where it came from.
    pub fn sender(&self) -> Option<SocketAddr> {
        let from = self.from?;
        let v4 = from
            .as_sockaddr_in()
            .map(|&from| SocketAddr::V4(from.into()));
        v4.or_else(|| {
            from.as_sockaddr_in6()
                .map(|&from| SocketAddr::V6(from.into()))
        })
    }
}
