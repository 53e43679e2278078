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
    let secret = key.hash("coldspare-san 2026-11 CHAP secret", &parts);
    Chap {
        user: format!("g{generation}-{}", hexadecimal(user)),
        secret: letters(secret),
    }
}

/// Of which generation an account is, by its user name: how a booted persona learns its own.
/// `None`: [`chap`] made no such name.
pub fn generation_of(user: &str) -> Option<Generation> {
    let (generation, number) = user.strip_prefix('g')?.split_once('-')?;
    let generation = generation.parse().ok()?;
    is_number(number).then_some(Generation::new(generation))
}

/// An account of that target whose secret no initiator is ever given: where an empty list of
/// accounts would let everybody in, it keeps the list from being empty.
#[cfg(feature = "tgt")]
pub(crate) fn guard(key: &SecretKey, target: &IscsiName) -> Chap {
    let parts = [target.as_str().as_bytes()];
    let user = key.hash("coldspare-san 2026-11 guard user", &parts);
    let secret = key.hash("coldspare-san 2026-11 guard secret", &parts);
    Chap {
        user: format!("guard-{}", hexadecimal(user)),
        secret: letters(secret),
    }
}

/// Whether an account's name is one that is made here.
#[cfg(feature = "tgt")]
pub(crate) fn is_account(user: &str) -> bool {
    let guard = user.strip_prefix("guard-");
    let is_guard = guard.is_some_and(is_number);
    is_guard || generation_of(user).is_some()
}

fn is_number(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hexadecimal(hash: [u8; 32]) -> String {
    let number = hash[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

fn letters(hash: [u8; 32]) -> SecretString {
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 64)]);
    let letters: String = hash[..16].iter().map(letter).collect();
    SecretString::from(letters)
}

/// 64 characters that no command line, script, file or firmware menu treats as special, also in
/// front.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn derive(key: u8, initiator: &str, server: &str, generation: u64) -> Chap {
        let initiator = IscsiName::new(format!("iqn.2012-08.com.example:{initiator}")).unwrap();
        let server = ServerName::new(server).unwrap();
        chap(
            &SecretKey::new([key; 32]),
            &initiator,
            &server,
            Generation::new(generation),
        )
    }

    #[test]
    fn a_secret_depends_on_everything_that_it_is_for() {
        let usual = derive(1, "exchange1", "r720-1", 7);
        assert!(usual.matches(&derive(1, "exchange1", "r720-1", 7)));
        let others = [
            derive(2, "exchange1", "r720-1", 7),
            derive(1, "exchange2", "r720-1", 7),
            derive(1, "exchange1", "r720-2", 7),
            derive(1, "exchange1", "r720-1", 8),
            derive(1, "exchange1r720", "-1", 7),
        ];
        let all = others.iter().chain([&usual]);
        let users: BTreeSet<_> = all.clone().map(|chap| chap.user.clone()).collect();
        let secrets: BTreeSet<_> = all.map(|chap| chap.secret.expose_secret()).collect();
        assert_eq!((users.len(), secrets.len()), (6, 6));
    }

    #[test]
    fn a_secret_fits_every_initiator_and_is_the_same_in_every_release() {
        let Chap { user, secret } = derive(1, "exchange1", "r720-1", 7);
        let secret = secret.expose_secret();
        assert!(secret.len() == 16 && secret.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(
            (&*user, secret),
            ("g7-4740f335b53a95dc", "E3qHW2PtdJaT66Wo"),
            "a running persona logs in with these"
        );
    }

    #[test]
    fn an_account_tells_its_generation_and_a_foreign_one_none() {
        let account = derive(1, "exchange1", "r720-1", 7);
        assert_eq!(generation_of(&account.user), Some(Generation::new(7)));
        for foreign in [
            "admin",
            "g7-",
            "g-4740f335b53a95dc",
            "g7-4740f335b53a95dcc",
            "x7-4740f335b53a95dc",
        ] {
            assert_eq!(generation_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let chap = derive(1, "exchange1", "r720-1", 7);
        let shown = format!("{chap:?} {:?}", SecretKey::new([65; 32]));
        assert!(!shown.contains(chap.secret.expose_secret()), "{shown}");
        assert!(!shown.contains("65") && !shown.contains("AAA"), "{shown}");
    }
}
