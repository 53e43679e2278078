//! Hardware addresses as the text that people write (`macaddr` itself writes an array of numbers).

use macaddr::MacAddr6;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(crate) fn serialize<S: Serializer>(mac: &MacAddr6, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(mac)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<MacAddr6, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = |_| D::Error::custom(format_args!("{text:?} is no hardware address"));
    text.parse().map_err(refuse)
}
