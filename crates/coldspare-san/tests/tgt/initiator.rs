//! An initiator that can do what no tool offers: come from any loopback address, stop in the
//! middle of a login, leave a write under way. Just enough of RFC 7143 for that.

use std::io::{Error, Result};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use coldspare_san::Chap;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::md5::md5;

const LIMIT: Duration = Duration::from_secs(5);
const BLOCK: u32 = 512;

#[derive(Debug)]
pub(crate) struct Initiator {
    stream: TcpStream,
    task: u32,
    command: u32,
    status: u32,
}

/// Who it says it is, and what it proves.
#[derive(Debug)]
pub(crate) struct Who<'a> {
    pub(crate) source: IpAddr,
    pub(crate) name: &'a str,
    pub(crate) chap: Option<&'a Chap>,
}

impl Initiator {
    /// A whole login.
    pub(crate) async fn log_in(portal: SocketAddr, target: &str, who: &Who<'_>) -> Result<Self> {
        let mut initiator = Self::authenticate(portal, target, who).await?;
        initiator.finish().await?;
        Ok(initiator)
    }

    /// The first half: it has proved its secret, and is not in yet.
    pub(crate) async fn authenticate(
        portal: SocketAddr,
        target: &str,
        who: &Who<'_>,
    ) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(who.source, 0))?;
        let stream = timeout(LIMIT, socket.connect(portal)).await??;
        let mut initiator = Self {
            stream,
            task: 1,
            command: 1,
            status: 0,
        };
        let method = if who.chap.is_some() {
            "CHAP,None"
        } else {
            "None"
        };
        let first = [
            ("InitiatorName", who.name),
            ("TargetName", target),
            ("SessionType", "Normal"),
            ("AuthMethod", method),
        ];
        initiator.negotiate(STAY_IN_SECURITY, &first).await?;
        let Some(chap) = who.chap else {
            initiator.negotiate(SECURITY_TO_OPERATIONAL, &[]).await?;
            return Ok(initiator);
        };
        let told = initiator
            .negotiate(STAY_IN_SECURITY, &[("CHAP_A", "5")])
            .await?;
        let value = |key: &str| {
            let found = told.iter().find(|(name, _)| name == key);
            let found = found.map(|(_, value)| value.as_str());
            found.ok_or_else(|| Error::other(format!("no {key} in {told:?}")))
        };
        let mut proof = vec![value("CHAP_I")?.parse::<u8>().map_err(Error::other)?];
        proof.extend(chap.secret.expose_secret().as_bytes());
        let challenge = value("CHAP_C")?.trim_start_matches("0x").as_bytes();
        for pair in challenge.chunks(2) {
            let text = std::str::from_utf8(pair).map_err(Error::other)?;
            proof.push(u8::from_str_radix(text, 16).map_err(Error::other)?);
        }
        let response = md5(&proof)
            .iter()
            .fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        let proof = [("CHAP_N", &*chap.user), ("CHAP_R", &*response)];
        initiator.negotiate(SECURITY_TO_OPERATIONAL, &proof).await?;
        Ok(initiator)
    }

    /// The second half of a login.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        let keys = [
            ("HeaderDigest", "None"),
            ("DataDigest", "None"),
            ("ImmediateData", "Yes"),
        ];
        self.negotiate(OPERATIONAL_TO_FULL, &keys).await.map(drop)
    }

    /// Writes one block; whether the target took it.
    pub(crate) async fn write(&mut self, block: u32, byte: u8) -> Result<()> {
        // The first command of a session is answered with a unit attention.
        for _ in 0..3 {
            self.begin_write(block, byte).await?;
            let (header, _) = self.receive().await?;
            self.status = number(&header[24..28]) + 1;
            if header[0] & 0x3f == 0x21 && header[3] == 0 {
                return Ok(());
            }
        }
        Err(Error::other("the write is refused"))
    }

    /// Sends a write, and does not wait for its answer.
    pub(crate) async fn begin_write(&mut self, block: u32, byte: u8) -> Result<()> {
        self.task += 1;
        let mut header = [0; 48];
        header[0] = 0x01; // SCSI command
        header[1] = 0x80 | 0x20 | 0x01; // final, write, simple
        header[5..8].copy_from_slice(&BLOCK.to_be_bytes()[1..]);
        header[9] = 1; // unit
        header[16..20].copy_from_slice(&self.task.to_be_bytes());
        header[20..24].copy_from_slice(&BLOCK.to_be_bytes());
        header[24..28].copy_from_slice(&self.command.to_be_bytes());
        header[28..32].copy_from_slice(&self.status.to_be_bytes());
        header[32] = 0x2a; // WRITE(10), one block
        header[34..38].copy_from_slice(&block.to_be_bytes());
        header[40] = 1;
        self.command += 1;
        let mut sent = header.to_vec();
        sent.resize(48 + BLOCK as usize, byte);
        timeout(LIMIT, self.stream.write_all(&sent)).await?
    }

    async fn negotiate(
        &mut self,
        stages: u8,
        keys: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>> {
        let mut data: Vec<u8> = Vec::new();
        for (key, value) in keys {
            data.extend(format!("{key}={value}\0").as_bytes());
        }
        let length = u32::try_from(data.len()).map_err(Error::other)?;
        data.resize(data.len().next_multiple_of(4), 0);
        let mut header = [0; 48];
        header[0] = 0x43; // login request, immediate
        header[1] = stages;
        header[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
        // The session's identifier: a session of the same name with the same one would be replaced.
        header[8] = 0x80;
        header[9..11].copy_from_slice(&self.stream.local_addr()?.port().to_be_bytes());
        header[16..20].copy_from_slice(&self.task.to_be_bytes());
        header[24..28].copy_from_slice(&self.command.to_be_bytes());
        header[28..32].copy_from_slice(&self.status.to_be_bytes());
        let sent = [&header[..], &data].concat();
        timeout(LIMIT, self.stream.write_all(&sent)).await??;
        let (header, data) = self.receive().await?;
        if header[36] != 0 {
            let status = format!("login refused: {:02x}/{:02x}", header[36], header[37]);
            return Err(Error::other(status));
        }
        self.status = number(&header[24..28]) + 1;
        let text = String::from_utf8_lossy(&data).into_owned();
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        Ok(pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }

    async fn receive(&mut self) -> Result<([u8; 48], Vec<u8>)> {
        let received = async {
            let mut header = [0; 48];
            self.stream.read_exact(&mut header).await?;
            let length = number(&[0, header[5], header[6], header[7]]) as usize;
            let mut data = vec![0; length.next_multiple_of(4)];
            self.stream.read_exact(&mut data).await?;
            data.truncate(length);
            Ok((header, data))
        };
        timeout(LIMIT, received).await?
    }
}

const STAY_IN_SECURITY: u8 = 0;
const SECURITY_TO_OPERATIONAL: u8 = 0x81;
const OPERATIONAL_TO_FULL: u8 = 0x87;

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
