//! Engine: expressions by minijinja, within fuel and an output limit, and values that never become markup.
//!
//! The formatter puts each printed value between two marks. After rendering, the pass of the source's kind replaces the
//! marks: it escapes or encodes the value for the place where it stands, or refuses it there.

mod autolink;
mod environment;
mod filters;
mod localization;
mod markup;
mod output;
mod tags;
mod url_value;

pub use environment::{EngineFault, EngineFaultKind, SourceKind, TemplateEngine, misplaced_value, syntax_finding};
pub use localization::{CONTEXT_NAME, Localization};
pub use markup::escaped;
pub use tags::{TemplateTag, tags};
