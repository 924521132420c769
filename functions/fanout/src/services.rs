//! Services of a worker: tables, engine and keys.

use delivery::{DeliveryEngine, Sweeper};
use domain::recipient::KeyHasher;
use store::CampaignStore;

/// Services of a worker.
#[derive(Debug)]
pub struct FanoutServices {
    /// Makes the first and the later attempts.
    pub sweeper: Sweeper,
    /// Computes the ids of notifications.
    pub hasher: KeyHasher,
    /// Reads campaigns, and stores the progress of tasks.
    pub campaigns: CampaignStore,
}

impl FanoutServices {
    /// Returns the engine that makes the attempts.
    #[must_use]
    pub const fn engine(&self) -> &DeliveryEngine {
        self.sweeper.engine()
    }
}
