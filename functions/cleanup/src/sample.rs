//! Tables to clean up, for tests.

use std::ops::Deref;

use super::Cleanup;
use store::sample::{self, Stores};
use store::testing::Fuse;

/// The tables, and the cleanup that works on them.
pub struct World {
    tables: sample::World,
    pub cleanup: Cleanup,
}

impl World {
    pub async fn new() -> Self {
        let tables = sample::World::new().await;
        let cleanup = cleanup_of(tables.doomed(Fuse::default()));
        Self { tables, cleanup }
    }

    /// Returns a cleanup on the same tables, of a process that crashes after some calls.
    pub fn doomed(&self, fuse: Fuse) -> Cleanup {
        cleanup_of(self.tables.doomed(fuse))
    }
}

impl Deref for World {
    type Target = sample::World;

    fn deref(&self) -> &sample::World {
        &self.tables
    }
}

fn cleanup_of(stores: Stores) -> Cleanup {
    let Stores { recipients, notifications, erasure, cursor } = stores;
    Cleanup { recipients, notifications, erasure, cursor }
}
