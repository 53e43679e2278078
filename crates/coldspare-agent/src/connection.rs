//! Messages over a stream: with their length before them, none longer than a limit.

use std::time::Duration;

use coldspare_heartbeat::AgentKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::Error;
use crate::seal::{Direction, Session};

/// The longest message: a plan of hundreds of networks.
const LONGEST: usize = 64 << 10;
/// The longest one of somebody who has not proved himself.
const LONGEST_UNPROVEN: usize = 1 << 10;

/// How long the first words may take.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(3);
/// How often each end says that it is still there.
pub(crate) const STILL: Duration = Duration::from_secs(3);
/// After so many of those times without a word the other end is gone.
pub(crate) const PATIENCE: u32 = 3;

/// A stream of frames.
#[derive(Debug)]
pub(crate) struct Frames<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: Vec<u8>,
    longest: usize,
}

impl<S: AsyncRead + AsyncWrite> Frames<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (reader, writer) = split(stream);
        Self {
            reader,
            writer,
            buffer: Vec::new(),
            longest: LONGEST_UNPROVEN,
        }
    }

    /// The next frame. Nothing is lost when it is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some((head, rest)) = self.buffer.split_first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
                if length > self.longest {
                    return Err(Error::TooLong { length });
                }
                if let Some(frame) = rest.get(..length) {
                    let frame = frame.to_vec();
                    self.buffer.drain(..4 + length);
                    return Ok(frame);
                }
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(Error::Connection(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Sends a frame; an end that does not read it in time is gone.
    pub(crate) async fn send(&mut self, frame: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(frame.len()).map_err(|_| Error::TooLong {
            length: frame.len(),
        })?;
        let whole = [&length.to_be_bytes(), frame].concat();
        match timeout(HANDSHAKE, self.writer.write_all(&whole)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Error::Silent { limit: HANDSHAKE }),
        }
    }

    /// The rest of the stream under the keys of a session.
    pub(crate) fn under(mut self, sealing: Direction, opening: Direction) -> Connection<S> {
        self.longest = LONGEST;
        Connection {
            frames: self,
            sealing,
            opening,
        }
    }
}

/// A stream of proven messages.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    frames: Frames<S>,
    sealing: Direction,
    opening: Direction,
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    /// The agent's end.
    pub(crate) fn of_agent(
        frames: Frames<S>,
        key: &AgentKey,
        hello: &[u8],
        greeting: &[u8],
    ) -> Self {
        let session = Session::new(key, hello, greeting);
        frames.under(session.to_controller, session.to_agent)
    }

    /// The controller's end.
    #[cfg(feature = "controller")]
    pub(crate) fn of_controller(
        frames: Frames<S>,
        key: &AgentKey,
        hello: &[u8],
        greeting: &[u8],
    ) -> Self {
        let session = Session::new(key, hello, greeting);
        frames.under(session.to_agent, session.to_controller)
    }

    /// The next message. Nothing is lost when it is dropped while it waits.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let frame = self.frames.next().await?;
        let content = self.opening.open(&frame).ok_or(Error::NotProven)?;
        serde_json::from_slice(content).map_err(Error::Malformed)
    }

    pub(crate) async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), Error> {
        let content = serde_json::to_vec(message).map_err(Error::Malformed)?;
        if content.len() > LONGEST / 2 {
            return Err(Error::TooLong {
                length: content.len(),
            });
        }
        self.frames.send(&self.sealing.seal(content)).await
    }
}

/// What is said before anything is proven.
pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(message).map_err(Error::Malformed)
}

/// Reads what is said before anything is proven.
pub(crate) fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(frame).map_err(Error::Malformed)
}

/// Within the time that the first words may take.
pub(crate) async fn in_time<T>(
    handshake: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(HANDSHAKE, handshake).await {
        Ok(result) => result,
        Err(_) => Err(Error::Silent { limit: HANDSHAKE }),
    }
}
