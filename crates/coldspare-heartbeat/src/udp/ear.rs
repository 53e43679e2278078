//! Receiving many datagrams with one call.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg, setsockopt, sockopt,
};

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
    buffers: Box<[Buffer; BATCH]>,
    arrivals: Vec<Arrival>,
    is_v6: bool,
}

/// One byte more than a datagram has, so that a longer one is seen to be longer.
type Buffer = [u8; wire::LENGTH + 1];

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
            arrivals: Vec::with_capacity(BATCH),
            is_v6: address.is_ipv6(),
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
        heard: impl FnMut(&UdpSocket, Arrived<'_>),
    ) -> io::Result<Drained> {
        if self.is_v6 {
            self.drain_from(
                most,
                |&from: &SockaddrIn6| SocketAddr::V6(from.into()),
                heard,
            )
        } else {
            self.drain_from(
                most,
                |&from: &SockaddrIn| SocketAddr::V4(from.into()),
                heard,
            )
        }
    }

    fn drain_from<From: SockaddrLike + Copy>(
        &mut self,
        most: usize,
        address: impl Fn(&From) -> SocketAddr,
        mut heard: impl FnMut(&UdpSocket, Arrived<'_>),
    ) -> io::Result<Drained> {
        let Self {
            socket,
            buffers,
            arrivals,
            ..
        } = self;
        let fd = socket.as_raw_fd();
        let mut headers = MultiHeaders::<From>::preallocate(BATCH, None);
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
            arrivals.clear();
            arrivals.extend(messages.map(|message| Arrival {
                length: message.bytes,
                from: message.address.as_ref().map(&address),
            }));
            heard(socket, Arrived { buffers, arrivals });
            datagrams += arrivals.len();
        }
        Ok(Drained {
            datagrams,
            dry: false,
        })
    }
}

/// What is known of the datagram in the buffer of the same number.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    length: usize,
    from: Option<SocketAddr>,
}

/// Datagrams that arrived together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived<'a> {
    buffers: &'a [Buffer; BATCH],
    arrivals: &'a [Arrival],
}

impl<'a> Arrived<'a> {
    #[inline]
    pub(super) fn each(self) -> impl Iterator<Item = Received<'a>> {
        let received = self.buffers.iter().zip(self.arrivals);
        received.map(|(buffer, arrival)| Received {
            bytes: buffer.get(..arrival.length).unwrap_or_default(),
            from: arrival.from,
        })
    }

    pub(super) fn sender(self, number: usize) -> Option<SocketAddr> {
        self.arrivals.get(number)?.from
    }
}

/// A datagram that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Its content; one that is longer than any message is cut, and still too long.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub from: Option<SocketAddr>,
}
