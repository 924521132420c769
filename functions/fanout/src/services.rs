//! Services of a worker: tables, engine and keys.

use delivery::DeliveryEngine;
use domain::recipient::KeyHasher;
use store::CampaignStore;

/// Services of a worker.
#[derive(Debug)]
pub struct FanoutServices {
    /// Makes the attempts.
    pub engine: DeliveryEngine,
    /// Computes the ids of notifications.
    pub hasher: KeyHasher,
    /// Reads campaigns, and stores the progress of tasks.
    pub campaigns: CampaignStore,
}
