//! Messages under a session's keys: whoever lacks the generation's key can neither write one nor
//! repeat one.
//!
//! The keys of a session come from the generation's key and from what both ends said first, with a
//! nonce of each: one key for each direction. A tag covers how many messages went before it, so
//! that none can be repeated, left out or put in another place. Nothing is encrypted: there is
//! nothing secret in it.

use coldspare_heartbeat::AgentKey;
use secrecy::{ExposeSecret, SecretBox};

/// Bytes of a tag.
const TAG: usize = 32;

/// One direction of a session.
#[derive(Debug)]
pub(crate) struct Direction {
    key: SecretBox<[u8; 32]>,
    messages: u64,
}

/// Both, from the agent's point of view.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) to_controller: Direction,
    pub(crate) to_agent: Direction,
}

impl Session {
    /// The session that began with those words.
    pub(crate) fn new(key: &AgentKey, hello: &[u8], greeting: &[u8]) -> Self {
        let direction = |purpose: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(purpose);
            hasher.update(key.expose());
            for part in [hello, greeting] {
                hasher.update(&(part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
            Direction {
                key: SecretBox::new(Box::new(*hasher.finalize().as_bytes())),
                messages: 0,
            }
        };
        Self {
            to_controller: direction("coldspare 2026-11 agent to controller"),
            to_agent: direction("coldspare 2026-11 controller to agent"),
        }
    }
}

impl Direction {
    /// The content with its tag.
    pub(crate) fn seal(&mut self, mut content: Vec<u8>) -> Vec<u8> {
        let tag = self.tag(&content);
        self.messages += 1;
        content.extend_from_slice(tag.as_bytes());
        content
    }

    /// The content, if it is the next message of this direction.
    pub(crate) fn open<'a>(&mut self, message: &'a [u8]) -> Option<&'a [u8]> {
        let (content, tag) = message.split_at_checked(message.len().checked_sub(TAG)?)?;
        let tag: [u8; TAG] = tag.try_into().ok()?;
        // Hashes compare in constant time: how many bytes are right cannot be measured.
        (self.tag(content) == tag).then(|| {
            self.messages += 1;
            content
        })
    }

    fn tag(&self, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose_secret());
        hasher.update(&self.messages.to_be_bytes());
        hasher.update(content);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session(key: u8, hello: &[u8], greeting: &[u8]) -> Session {
        Session::new(&AgentKey::new([key; 32]).unwrap(), hello, greeting)
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_once_and_in_its_turn(contents: Vec<Vec<u8>>) {
            let (mut sender, mut receiver) = (session(1, b"a", b"b"), session(1, b"a", b"b"));
            for content in contents {
                let sealed = sender.to_agent.seal(content.clone());
                prop_assert_eq!(receiver.to_controller.open(&sealed), None, "the other direction");
                prop_assert_eq!(receiver.to_agent.open(&sealed), Some(&content[..]));
                prop_assert_eq!(receiver.to_agent.open(&sealed), None, "a repetition");
            }
        }

        #[test]
        fn a_changed_message_does_not_open(content: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let mut sealed = session(1, b"a", b"b").to_agent.seal(content);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(session(1, b"a", b"b").to_agent.open(&sealed), None);
        }

        #[test]
        fn no_bytes_make_it_panic(message: Vec<u8>) {
            prop_assert_eq!(session(1, b"a", b"b").to_agent.open(&message), None);
        }
    }

    #[test]
    fn another_key_or_other_first_words_make_another_session() {
        let sealed = session(1, b"a", b"b").to_agent.seal(b"content".to_vec());
        for mut other in [
            session(2, b"a", b"b"),
            session(1, b"c", b"b"),
            session(1, b"a", b"c"),
            session(1, b"ab", b""),
        ] {
            assert_eq!(other.to_agent.open(&sealed), None);
        }
    }
}
