//! One machine's management controller: identity, power, boot, inventory.
