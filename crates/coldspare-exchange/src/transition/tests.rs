//! The transition table, row by row beside the documentation.

use super::*;

/// From · event · to, transcribed by hand. Where several statuses share a row they are listed.
#[rustfmt::skip]
const TABLE: &[(&[&str], CopyEvent, &str)] = &[
    (&["Healthy", "DisconnectedAndHealthy", "DisconnectedAndResynchronizing",
       "Resynchronizing", "Initializing", "Failed"],    CopyEvent::Suspended,              "Suspended"),
    (&["Suspended", "FailedAndSuspended"],              CopyEvent::Resumed,                "Initializing"),
    (&["Initializing"],                                 CopyEvent::SeedingBegan,           "Seeding"),
    (&["Suspended", "FailedAndSuspended"],              CopyEvent::SeedingBegan,           "Seeding"),
    (&["Seeding"],                                      CopyEvent::Seeded,                 "Initializing"),
    (&["Seeding"],                                      CopyEvent::SeededToStaySuspended,  "Suspended"),
    (&["Seeding"],                                      CopyEvent::SeedingAborted,         "FailedAndSuspended"),
    (&["Initializing"],                                 CopyEvent::Checked,                "Resynchronizing"),
    (&["Resynchronizing"],                              CopyEvent::CaughtUp,               "Healthy"),
    (&["Healthy"],                                      CopyEvent::LinkLost,               "DisconnectedAndHealthy"),
    (&["DisconnectedAndHealthy"],                       CopyEvent::LinkBack,               "Healthy"),
    (&["Resynchronizing"],                              CopyEvent::LinkLost,               "DisconnectedAndResynchronizing"),
    (&["DisconnectedAndResynchronizing"],               CopyEvent::LinkBack,               "Resynchronizing"),
    (&["Healthy", "DisconnectedAndHealthy", "DisconnectedAndResynchronizing",
       "Resynchronizing", "Initializing"],              CopyEvent::Erred,                  "Failed"),
    (&["Failed"],                                       CopyEvent::CauseGone,              "Initializing"),
    (&["Failed", "Healthy", "DisconnectedAndHealthy", "DisconnectedAndResynchronizing",
       "Resynchronizing", "Initializing"],              CopyEvent::Unrecoverable,          "FailedAndSuspended"),
    (&["Mounted", "Mounting", "Dismounting", "Dismounted", "Healthy", "DisconnectedAndHealthy",
       "Resynchronizing", "DisconnectedAndResynchronizing", "Initializing", "Failed",
       "FailedAndSuspended", "Suspended", "Seeding", "SeedingSource", "ServiceDown",
       "SinglePageRestore", "Misconfigured", "NonExchangeReplication", "Unknown"],
                                                        CopyEvent::ServiceStopped,         "ServiceDown"),
    (&["ServiceDown"],                                  CopyEvent::ServiceBack,            "Initializing"),
    (&["Healthy"],                                      CopyEvent::PageDamaged,            "SinglePageRestore"),
    (&["SinglePageRestore"],                            CopyEvent::PageMended,             "Initializing"),
    (&["Healthy", "DisconnectedAndHealthy", "DisconnectedAndResynchronizing", "SeedingSource",
       "Resynchronizing", "Initializing", "Failed", "FailedAndSuspended", "Suspended",
       "Dismounted"],                                   CopyEvent::Activated,              "Mounting"),
    (&["Mounting"],                                     CopyEvent::Mounted,                "Mounted"),
    (&["Mounted", "Mounting"],                          CopyEvent::Dismounting,            "Dismounting"),
    (&["Mounted", "Mounting", "Dismounting"],           CopyEvent::Dismounted,             "Dismounted"),
    (&["Mounted", "Mounting", "Dismounting",
       "Dismounted"],                                   CopyEvent::Deactivated,            "Initializing"),
];

#[test]
fn every_status_changes_as_the_table_says_and_never_else() {
    for status in CopyStatus::ALL.iter().copied() {
        for event in TABLE.iter().map(|row| row.1) {
            let rows = TABLE.iter().filter(|row| row.1 == event);
            let mut to = rows
                .filter(|row| row.0.contains(&status.as_str()))
                .map(|row| row.2);
            let expected = to.next().map(|to| to.parse().unwrap());
            assert_eq!(after(status, event), expected, "{status} after {event:?}");
            assert_eq!(to.next(), None, "the table is not ambiguous");
        }
    }
}

#[test]
fn a_new_copy_becomes_healthy_by_the_documented_way() {
    // Add-MailboxDatabaseCopy leaves it Initializing, with -SeedingPostponed Suspended.
    let way = [
        (CopyEvent::SeedingBegan, CopyStatus::Seeding),
        (CopyEvent::Seeded, CopyStatus::Initializing),
        (CopyEvent::Checked, CopyStatus::Resynchronizing),
        (CopyEvent::CaughtUp, CopyStatus::Healthy),
    ];
    for added in [CopyStatus::Initializing, CopyStatus::Suspended] {
        let mut status = added;
        for (event, next) in way {
            status = after(status, event).unwrap();
            assert_eq!(status, next);
        }
    }
}
