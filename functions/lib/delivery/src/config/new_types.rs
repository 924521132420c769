//! Types of notification that a request names, which may be newer than the cached catalog.

use super::ConfigSource;
use super::parameter_snapshot::ConfigSnapshot;
use domain::NotificationTypes;
use platform::problem::FieldError;
use store::StoreError;

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

    /// Returns the names of types that do not exist, each with the error for its path. `named` has the path of each
    /// name, as a filter of people contains it.
    ///
    /// # Errors
    /// A transient error if it is not certain that a type does not exist.
    pub async fn unknown_types<'a>(
        &self,
        named: &[(String, &'a str)],
    ) -> Result<Vec<(&'a str, FieldError)>, StoreError> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = named.iter().map(|(_, name)| *name).collect();
        let config = self.with_types(&names).await;
        let mut unknown = Vec::new();
        for (path, name) in named {
            if let Err(error) = config.settings.types.known(name) {
                config.check_type(name)?;
                unknown.push((*name, FieldError::new(path, error.to_string())));
            }
        }
        Ok(unknown)
    }
}
