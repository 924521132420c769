//! Compiled versions of templates. A version never changes, so it is read and compiled once in each process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::alarm::AlarmLine;
use store::{StoreError, TemplateBody, TemplateStore};
use templates::{CompiledTemplate, Finding, TemplateDraft, builtin};

/// Number that stands for the draft, in test sends.
pub const DRAFT: u32 = 0;
/// Maximum number of versions in memory.
const MAX_VERSIONS: usize = 64;
/// Maximum size of the sources of all versions in memory, as JSON, in bytes.
const MAX_SOURCE_BYTES: usize = 8 * 1_024 * 1_024;

/// Reads and caches compiled versions.
#[derive(Debug)]
pub struct TemplateCache {
    store: TemplateStore,
    /// Least recently used first.
    versions: Mutex<Vec<CachedVersion>>,
}

#[derive(Debug)]
struct CachedVersion {
    name: String,
    number: u32,
    source_bytes: usize,
    template: Arc<CompiledTemplate>,
}

impl TemplateCache {
    /// Creates an empty cache.
    #[must_use]
    pub const fn new(store: TemplateStore) -> Self {
        Self { store, versions: Mutex::new(Vec::new()) }
    }

    /// Returns a version, or `None` if it does not exist or this release cannot read it. The number [`DRAFT`] means the
    /// present draft, which is read again each time.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn get(&self, name: &str, number: u32) -> Result<Option<Arc<CompiledTemplate>>, StoreError> {
        if number == DRAFT {
            return Ok(self.draft(name).await?.and_then(Result::ok).map(Arc::new));
        }
        if let Some(template) = self.cached(name, number) {
            return Ok(Some(template));
        }
        let body = match self.store.body(name, TemplateBody::Version(number)).await {
            Err(StoreError::Malformed(_)) => return Ok(unreadable(name, number)),
            body => body?,
        };
        let draft = match body {
            Some(json) => TemplateDraft::parse_stored(&json).ok(),
            // The first read of the API stores the built-in templates.
            None => match builtin(name).filter(|_| number == 1) {
                Some(built_in) => Some(built_in.draft),
                None => return Ok(None),
            },
        };
        let Some(template) = draft.and_then(|draft| CompiledTemplate::new(draft).ok()) else {
            return Ok(unreadable(name, number));
        };
        Ok(Some(self.keep(name, number, template)))
    }

    /// Returns the present draft, or what prevents rendering it; `None` if there is none, or this release cannot read
    /// it.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn draft(&self, name: &str) -> Result<Option<Result<CompiledTemplate, Vec<Finding>>>, StoreError> {
        let draft = self.store.body(name, TemplateBody::Draft).await?;
        let draft = draft.and_then(|json| TemplateDraft::parse_stored(&json).ok());
        Ok(draft.map(|draft| match draft.without_html() {
            findings if findings.is_empty() => CompiledTemplate::new(draft),
            findings => Err(findings),
        }))
    }

    fn cached(&self, name: &str, number: u32) -> Option<Arc<CompiledTemplate>> {
        let mut versions = self.versions();
        let found = versions.iter().position(|one| one.number == number && one.name == name)?;
        let version = versions.remove(found);
        let template = Arc::clone(&version.template);
        versions.push(version);
        Some(template)
    }

    fn keep(&self, name: &str, number: u32, template: CompiledTemplate) -> Arc<CompiledTemplate> {
        let template = Arc::new(template);
        let source_bytes = serde_json::to_vec(template.draft()).map_or(0, |json| json.len());
        let mut versions = self.versions();
        versions.retain(|one| one.number != number || one.name != name);
        versions.push(CachedVersion { name: name.to_owned(), number, source_bytes, template: Arc::clone(&template) });
        while versions.len() > 1 && (versions.len() > MAX_VERSIONS || total_bytes(&versions) > MAX_SOURCE_BYTES) {
            versions.remove(0);
        }
        template
    }

    fn versions(&self) -> MutexGuard<'_, Vec<CachedVersion>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn total_bytes(versions: &[CachedVersion]) -> usize {
    versions.iter().map(|version| version.source_bytes).sum()
}

fn unreadable(template: &str, version: u32) -> Option<Arc<CompiledTemplate>> {
    tracing::error!(
        alarm = AlarmLine::CatalogMalformed.as_str(),
        template,
        version,
        "failed to parse a stored version of a template; its messages cannot be sent"
    );
    None
}
