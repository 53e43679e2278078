//! One connection to a JSON-RPC server.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::endpoint::Endpoint;
use super::failure::Failure;
use super::framer::Framer;
use super::message::{Incoming, incoming, request};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    framer: Framer,
    last_id: u64,
}

impl Connection {
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        let stream: Box<dyn Stream> = match endpoint {
            Endpoint::Unix(file) => Box::new(UnixStream::connect(file).await?),
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        Ok(Self {
            stream,
            framer: Framer::default(),
            last_id: 0,
        })
    }

    /// One request and its reply; the server's echoes in between are answered.
    pub(super) async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.last_id += 1;
        self.send(&request(self.last_id, method, params)).await?;
        loop {
            match incoming(&self.receive().await?, self.last_id)? {
                Incoming::Reply(result) => return Ok(result),
                Incoming::Echo(answer) => self.send(&answer).await?,
            }
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), Failure> {
        Ok(self
            .stream
            .write_all(message.to_string().as_bytes())
            .await?)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let mut part = vec![0; 64 * 1024];
        loop {
            if let Some(text) = self.framer.next()? {
                return Ok(text);
            }
            match self.stream.read(&mut part).await? {
                0 => return Err(Failure::Closed),
                length => self.framer.push(&part[..length]),
            }
        }
    }
}
