//! What Linux tells about the machine, in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use macaddr::MacAddr6;
use uuid::Uuid;

use crate::Error;

/// The machine's identity, as its firmware has it (SMBIOS, system UUID).
pub(super) fn uuid() -> Option<Uuid> {
    let text = fs::read_to_string("/sys/class/dmi/id/product_uuid").ok()?;
    text.trim().parse().ok()
}

/// Its network interfaces, by name.
pub(super) fn nics() -> Result<BTreeMap<String, MacAddr6>, Error> {
    let mut nics = BTreeMap::new();
    for entry in fs::read_dir("/sys/class/net")? {
        let entry = entry?;
        let address = fs::read_to_string(entry.path().join("address"));
        let mac = address.ok().and_then(|text| text.trim().parse().ok());
        let name = entry.file_name().into_string();
        if let (Some(mac), Ok(name)) = (mac, name) {
            nics.insert(name, mac);
        }
    }
    Ok(nics)
}

/// Whether every iSCSI session of the operating system stands. Without one there is none to lose.
pub(super) fn san_stands() -> bool {
    let Ok(sessions) = fs::read_dir("/sys/class/iscsi_session") else {
        return true;
    };
    let stands = |session: &Path| {
        fs::read_to_string(session.join("state")).is_ok_and(|state| state.trim() == "LOGGED_IN")
    };
    sessions.flatten().all(|session| stands(&session.path()))
}
