//! Engine: expressions by minijinja, within fuel and an output limit, and values that never become markup.
//!
//! The formatter puts each printed value between two marks. After rendering, the pass of the source's kind replaces the
//! marks: it escapes or encodes the value for the place where it stands, or refuses it there.

mod autolink;
mod complexity;
mod environment;
mod filters;
mod html_pass;
mod html_place;
mod localization;
mod markup;
mod markup_error;
mod output;
mod refusal;
mod shapes;
mod tags;
mod url_value;
mod value_shape;

pub use environment::{EngineError, EngineErrorKind, SourceKind, TemplateEngine, misplaced_value, syntax_finding};
pub use html_pass::escaped;
pub use localization::{CONTEXT_NAME, Localization};
pub use tags::{TemplateTag, tags};
