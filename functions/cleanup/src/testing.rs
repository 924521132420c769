//! Tables to clean up, for tests.

use std::ops::Deref;

use super::Cleanup;
use store::sample::{self, SampleStores};
use store::testing::Fuse;

/// The tables, and the cleanup that works on them.
pub struct TestCleanup {
    tables: sample::TestTables,
    pub cleanup: Cleanup,
}

impl TestCleanup {
    pub async fn new() -> Self {
        let tables = sample::TestTables::new().await;
        let cleanup = cleanup_of(tables.crashing_stores(Fuse::default()));
        Self { tables, cleanup }
    }

    /// Returns a cleanup on the same tables, of a process that crashes after some calls.
    pub fn crashing(&self, fuse: Fuse) -> Cleanup {
        cleanup_of(self.tables.crashing_stores(fuse))
    }
}

impl Deref for TestCleanup {
    type Target = sample::TestTables;

    fn deref(&self) -> &sample::TestTables {
        &self.tables
    }
}

fn cleanup_of(stores: SampleStores) -> Cleanup {
    let SampleStores { recipients, notifications, erasure, cursor } = stores;
    Cleanup { recipients, notifications, erasure, cursor }
}
