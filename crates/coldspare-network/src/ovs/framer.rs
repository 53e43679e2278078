//! Cuts a stream of JSON texts into texts.

use super::failure::Failure;

/// The longest message that is read, in bytes: some 50 000 ports.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// JSON-RPC sends one object after the other, with no mark between them (RFC 7047, 4): an object
/// ends where its braces are even.
#[derive(Debug, Default)]
pub(super) struct Framer {
    bytes: Vec<u8>,
    /// How far the first object has been followed, and in what state.
    followed: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Framer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next object, if all of it is there.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        while let Some(&byte) = self.bytes.get(self.followed) {
            self.followed += 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        let rest = self.bytes.split_off(self.followed);
                        self.followed = 0;
                        return Ok(Some(std::mem::replace(&mut self.bytes, rest)));
                    }
                }
                _ => {}
            }
        }
        if self.followed > LONGEST {
            return Err(Failure::TooLong);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            r#"[\PC"\\{}\[\]]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn texts_arrive_whole_however_the_stream_is_cut(
            values in proptest::collection::vec(any_json(), 1..4),
            cut in 1..40_usize,
        ) {
            let sent: Vec<_> = values.into_iter().map(|value| json!({ "v": value })).collect();
            let stream: String = sent.iter().map(Value::to_string).collect();
            let (mut framer, mut received) = (Framer::default(), Vec::new());
            for part in stream.as_bytes().chunks(cut) {
                framer.push(part);
                while let Some(text) = framer.next().unwrap() {
                    received.push(serde_json::from_slice::<Value>(&text).unwrap());
                }
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn no_stream_makes_it_panic(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framer = Framer::default();
            framer.push(&stream);
            while let Ok(Some(text)) = framer.next() {
                prop_assert!(!text.is_empty());
            }
        }
    }

    #[test]
    fn a_message_without_end_is_given_up() {
        let mut framer = Framer::default();
        framer.push(&vec![b'['; LONGEST + 1]);
        assert!(matches!(framer.next(), Err(Failure::TooLong)));
    }
}
