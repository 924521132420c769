//! Templates of messages: the model with its checks, and the one renderer that preview, test, explain and send use.
//!
//! A [`TemplateDraft`] is what editors write: variables, and for each locale the sources of push, e-mail and SMS. A
//! [`CompiledTemplate`] is made once for each version and renders any number of messages. See
//! docs/design/templates.md.

mod builtin;
mod engine;
mod finding;
mod format;
mod locale;
mod mjml_source;
mod model;
mod name;
mod publish;
mod render;
mod variables;

pub use builtin::{BUILTIN_TEMPLATES, BuiltinTemplate, builtin, is_builtin};
pub use engine::{TemplateTag, syntax_finding, tags};
pub use finding::{Finding, Place};
pub use locale::lookup as lookup_locale;
pub use model::{
    EmailPart, MAX_LOCALES, MAX_SOURCE_BYTES, MAX_VERSION_BYTES, PartAction, PushPart, SmsPart, TemplateDraft,
    TemplateParts, TextPlace,
};
pub use name::{TemplateName, TemplateNameError};
pub use publish::{breaking_variables, publish_findings};
pub use render::{
    CompiledTemplate, RenderError, RenderErrorKind, RenderErrors, RenderLimits, RenderRequest, Rendered, RenderedEmail,
    RenderedPart, RenderedPush, RenderedSms, ServiceLinks,
};
pub use variables::{
    SERVICE_VARIABLES, TextFormat, ValueErrors, VariableKind, VariableSchema, VariableValues, Variables,
};
