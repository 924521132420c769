//! Types of notification that a request names, which may be newer than the cached catalog.

use super::ConfigSource;
use super::parameter_snapshot::ConfigSnapshot;
use domain::NotificationTypes;

impl ConfigSource {
    /// Returns the configuration in force. If one of the names is that of an unknown type, the catalog is read now,
    /// because the type may be new.
    pub async fn with_types(&self, names: &[&str]) -> ConfigSnapshot {
        let is_unknown = |types: &NotificationTypes| names.iter().any(|name| types.get(name).is_none());
        let config = self.current().await;
        if !is_unknown(&config.settings.types) {
            return config;
        }
        Box::pin(self.with_new_names()).await
    }
}
