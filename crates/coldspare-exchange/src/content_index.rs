//! The state of a copy's content index.

use crate::named::named;

named! {
    /// `ContentIndexState` of a copy.
    ///
    /// The names are those that monitoring plugins list, the first eleven in the order of their
    /// numbers 0 to 10; [`ContentIndex::NotApplicable`] appears from 2019 on, which keeps no index
    /// with each copy.
    #[derive(Default)]
    #[expect(missing_docs, reason = "the names are the whole of what is documented")]
    ContentIndex = "state of a content index" {
        #[default]
        Unknown,
        Healthy,
        Crawling,
        Failed,
        Seeding,
        FailedAndSuspended,
        Suspended,
        Disabled,
        AutoSuspended,
        HealthyAndUpgrading,
        DiskUnavailable,
        NotApplicable,
    }
}

impl ContentIndex {
    /// Whether it serves: healthy, or a version that has none. A lagged copy's index may be
    /// suspended by the system itself (2016 CU4 and later).
    pub const fn is_good(self, lagged: bool) -> bool {
        match self {
            Self::Healthy | Self::HealthyAndUpgrading | Self::NotApplicable => true,
            Self::AutoSuspended => lagged,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_missing_by_design_is_good() {
        let good = |text: &str, lagged| text.parse::<ContentIndex>().unwrap().is_good(lagged);
        for state in ["Healthy", "HealthyAndUpgrading", "NotApplicable"] {
            assert!(good(state, false), "{state}");
        }
        assert!(good("AutoSuspended", true), "normal on a lagged copy");
        assert!(!good("AutoSuspended", false));
        for state in ["Unknown", "Crawling", "Failed", "failed and suspended"] {
            assert!(!good(state, true), "{state}");
        }
    }
}
