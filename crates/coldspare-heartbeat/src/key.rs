//! Keys: one for each agent, derived, so that only the site key has to be kept.

use std::fmt;

use coldspare_names::{Generation, PersonaName, ServerName};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};

use crate::Error;
use crate::wire::CONTENT;

/// The secret from which every agent's key is derived.
pub struct SiteKey([u8; 32]);

/// The key of one agent, under one generation: it leaves with the persona's boot, and is worth
/// nothing once the persona has moved on.
#[derive(Clone, PartialEq, Eq)]
#[repr(align(32))]
pub struct AgentKey([u8; 32]);

const PURPOSE: &[u8] = b"coldspare heartbeat agent key 1";

impl SiteKey {
    /// A key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of the agent of a persona, on a server, under a generation.
    pub fn agent(
        &self,
        persona: &PersonaName,
        server: &ServerName,
        generation: Generation,
    ) -> AgentKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in [
            PURPOSE,
            persona.as_str().as_bytes(),
            server.as_str().as_bytes(),
        ] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(&generation.number().to_be_bytes());
        AgentKey(*hasher.finalize().as_bytes())
    }
}

impl AgentKey {
    /// No agent's key: where a keyring has none. Nobody else can hold it.
    pub(crate) const NOBODY: Self = Self([0; 32]);

    /// The key that goes with a secret of one server, persona and generation, such as the CHAP
    /// secret with which a server boots: its agent finds it in the boot firmware's table, so that
    /// no image holds a key. Whoever hears the agent derives it from the same secret.
    pub fn from_secret(secret: &SecretString) -> Self {
        let context = "coldspare 2026-11 heartbeat agent key, from the secret of its generation";
        let material = secret.expose_secret().as_bytes();
        Self(blake3::derive_key(context, material))
    }

    /// A key that was derived elsewhere. All zeros are refused: they are what a buffer holds that
    /// nobody filled, and everybody could write under them.
    pub fn new(bytes: [u8; 32]) -> Result<Self, Error> {
        let key = Self(bytes);
        if key.is_nobodys() {
            return Err(Error::EmptyKey);
        }
        Ok(key)
    }

    /// Its bytes, for whoever hands it to the agent. Never log them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    #[inline]
    pub(crate) fn is_nobodys(&self) -> bool {
        self.0 == [0; 32]
    }

    /// By which it is known again after it was forgotten.
    pub(crate) fn hash(&self) -> blake3::Hash {
        blake3::hash(&self.0)
    }

    /// The first 16 bytes, in their order from the lowest, of the keyed hash of what is sent.
    #[inline]
    pub(crate) fn tag(&self, content: &[u8; CONTENT]) -> u128 {
        let hash = blake3::keyed_hash(&self.0, content);
        let mut tag = [0; 16];
        tag.copy_from_slice(&hash.as_bytes()[..16]);
        u128::from_le_bytes(tag)
    }
}

impl Drop for SiteKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for AgentKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKey(..)")
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(persona: &str, server: &str, generation: u64) -> AgentKey {
        let site = SiteKey::new([7; 32]);
        let names = (persona.parse().unwrap(), server.parse().unwrap());
        site.agent(&names.0, &names.1, Generation::new(generation))
    }

    #[test]
    fn whatever_differs_makes_another_key_and_the_same_makes_the_same() {
        let keys = [
            derive("a", "bc", 1),
            derive("ab", "c", 1),
            derive("a", "b", 1),
            derive("a", "bc", 2),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| other != key));
        }
        assert!(derive("a", "bc", 1) == keys[0]);
    }

    #[test]
    fn an_agent_derives_the_same_key_from_its_secret_in_every_release() {
        let key = AgentKey::from_secret(&SecretString::from("E3qHW2PtdJaT66Wo"));
        assert_eq!(key.expose()[..4], [73, 170, 237, 75]);
        assert!(key != AgentKey::from_secret(&SecretString::from("E3qHW2PtdJaT66Wp")));
    }

    #[test]
    fn a_key_that_nobody_filled_is_none() {
        assert_eq!(AgentKey::new([0; 32]), Err(Error::EmptyKey));
        assert!(AgentKey::new([1; 32]).is_ok());
    }

    #[test]
    fn no_key_shows_itself() {
        assert_eq!(format!("{:?}", derive("a", "b", 1)), "AgentKey(..)");
        assert_eq!(format!("{:?}", SiteKey::new([7; 32])), "SiteKey(..)");
    }
}
