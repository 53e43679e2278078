//! A plan as a record keeps it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::{RawValue, to_raw_value};

use crate::step::Plan;

/// A plan that stays the same to the end of its run. The record is written at every stage: all of
/// its copies share the plan, and the JSON into which it was turned when the first was written; no
/// other format can be written.
#[derive(Clone)]
pub struct KeptPlan(Arc<Kept>);

struct Kept {
    plan: Plan,
    json: OnceLock<Box<RawValue>>,
}

impl From<Plan> for KeptPlan {
    fn from(plan: Plan) -> Self {
        let json = OnceLock::new();
        Self(Arc::new(Kept { plan, json }))
    }
}

impl Deref for KeptPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0.plan
    }
}

impl fmt::Debug for KeptPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.plan.fmt(f)
    }
}

impl PartialEq for KeptPlan {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.plan == other.0.plan
    }
}

impl Eq for KeptPlan {}

impl Serialize for KeptPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(json) = self.0.json.get() {
            return json.serialize(serializer);
        }
        let json = to_raw_value(&self.0.plan).map_err(ser::Error::custom)?;
        self.0.json.get_or_init(|| json).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeptPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plan::deserialize(deserializer).map(Self::from)
    }
}
