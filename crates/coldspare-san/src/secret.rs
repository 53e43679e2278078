//! CHAP secrets: derived, never stored.

use std::fmt;
use std::sync::Arc;

use coldspare_names::{Generation, IscsiName, ServerName};
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// The site's key, from which every CHAP secret is derived. Never shown, never written.
#[derive(Clone)]
pub struct SecretKey(Arc<SecretBox<[u8; 32]>>);

impl SecretKey {
    /// The key of those bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    fn hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = blake3::derive_key(purpose, self.0.expose_secret());
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for part in parts {
            // With its length before it, no part can run into the next one.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// What an initiator offers to prove that it is the one meant (RFC 7143, section 12.1.3).
#[derive(Debug, Clone)]
pub struct Chap {
    /// The account's name: public, and as unique as the secret.
    pub user: String,
    /// 16 printable ASCII characters of 6 random bits each: the 96 bits that RFC 7143 asks for
    /// (section 9.2.1), and the longest that Microsoft's initiator takes (12 to 16).
    pub secret: SecretString,
}

impl Chap {
    /// Whether both are the same account with the same secret.
    pub fn matches(&self, other: &Self) -> bool {
        self.user == other.user && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// The account under which that server logs in with that initiator name in that generation.
///
/// Array and orchestration derive it each for themselves, so plans and journals carry the
/// generation and no secret. Who knows one generation's secret learns nothing about another's.
pub fn chap(
    key: &SecretKey,
    initiator: &IscsiName,
    server: &ServerName,
    generation: Generation,
) -> Chap {
    let generation_bytes = generation.number().to_le_bytes();
    let parts = [
        initiator.as_str().as_bytes(),
        server.as_str().as_bytes(),
        &generation_bytes,
    ];
    let user = key.hash("coldspare-san 2026-11 CHAP user", &parts);
    let user = user[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let secret = key.hash("coldspare-san 2026-11 CHAP secret", &parts);
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 64)]);
    let secret: String = secret[..16].iter().map(letter).collect();
    Chap {
        user: format!("g{generation}-{user:016x}"),
        secret: SecretString::from(secret),
    }
}

/// 64 characters that no command line, file or firmware menu treats as special.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
