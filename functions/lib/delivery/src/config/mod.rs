//! Configuration in force: the parameters of rollout and settings. Every process follows a change within 30 s.

mod cached_config;
mod catalog_reader;
mod known_templates;
mod new_types;
pub mod parameter_snapshot;
pub mod source;
mod stored_catalog;

pub use known_templates::{KnownTemplates, TemplateState, UnusableTemplateError};
pub use parameter_snapshot::{ConfigSnapshot, ParameterTexts};
pub use source::ConfigSource;
