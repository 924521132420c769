//! Template of a send request: the version that it uses, loaded once for all messages of the request.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Deserialize;

use delivery::TemplateCache;
use platform::problem::Problem;
use templates::CompiledTemplate;

/// Template that the caller names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateRequest {
    /// Name.
    pub name: String,
    /// Published version; the live one when absent.
    #[serde(default)]
    pub version: Option<u32>,
}

/// Version of a template that a message uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TemplateVersion {
    /// Name of the template.
    pub name: String,
    /// Number of the version.
    pub number: u32,
}

/// Versions that the messages of one request use.
#[derive(Debug, Default)]
pub struct LoadedTemplates(HashMap<TemplateVersion, Result<Option<Arc<CompiledTemplate>>, Problem>>);

impl LoadedTemplates {
    /// Loads these versions. A process reads each version once.
    pub async fn of(versions: impl Iterator<Item = TemplateVersion>, cache: &TemplateCache) -> Self {
        let mut versions: Vec<_> = versions.collect();
        versions.sort_by(|one, other| (&one.name, one.number).cmp(&(&other.name, other.number)));
        versions.dedup();
        let loads = versions.into_iter().map(|version| async move {
            let loaded = cache.get(&version.name, version.number).await.map_err(Problem::from);
            (version, loaded)
        });
        Self(join_all(loads).await.into_iter().collect())
    }

    /// Returns one loaded version alone.
    pub fn only(version: TemplateVersion, template: Arc<CompiledTemplate>) -> Self {
        Self(HashMap::from([(version, Ok(Some(template)))]))
    }

    /// Returns a version, or `None` if it does not exist.
    ///
    /// # Errors
    /// 503 if the table did not answer.
    pub fn get(&self, version: &TemplateVersion) -> Result<Option<&Arc<CompiledTemplate>>, Problem> {
        match self.0.get(version) {
            Some(Ok(template)) => Ok(template.as_ref()),
            Some(Err(problem)) => Err(problem.clone()),
            None => Ok(None),
        }
    }
}
