//! One version's sources, compiled once, and their rendering.

use std::collections::BTreeSet;
use std::error::Error as _;

use domain::text;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::autolink::BREAK;
use super::complexity::check_structure;
use super::filters::{self, FilterError, invalid};
use super::localization::Localization;
use super::markup_error::{MarkupError, MarkupRuleError};
use super::output::{END, LimitedWriter, TAG, URI, VALUE};
use super::refusal::SourceRefusal;
use super::shapes::check_shapes;
use super::tags::{SourcePiece, TemplateTag, source_pieces, tags};
use super::{html_pass, markup};
use crate::finding::{Finding, Place};
use crate::variables::Variables;

/// Work of one source: an instruction costs 1, and 64 bytes cost 1. The time of a rendering and its memory are bounded
/// by this number.
const FUEL: u64 = 20_000;
/// Maximum nesting of loops that call themselves.
const MAX_RECURSION: usize = 20;

/// Kind of a source, which decides how values become part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Title or subject: one line.
    Line,
    /// Text of a push.
    Text,
    /// Text of an SMS: other white space than plain spaces would double its price or more, and becomes plain.
    Sms,
    /// Text of an e-mail: values do not become links.
    Mail,
    /// HTML of an e-mail.
    Html,
    /// URL of a push.
    Url,
}

/// Sources of one version by name.
#[derive(Debug)]
pub struct TemplateEngine {
    environment: Environment<'static>,
}

/// Reason for which a source was not compiled or rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError {
    /// Kind of the reason.
    pub kind: EngineErrorKind,
    /// Place in the source, if known.
    pub place: Option<Place>,
    /// Reason for the editor, without any value.
    pub message: String,
}

/// Kind of an [`EngineError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// The source uses a value that is not there.
    Undefined,
    /// The output is larger than its limit.
    TooLarge,
    /// The source takes too much work.
    OutOfFuel,
    /// The source is wrong.
    Source,
}

impl TemplateEngine {
    /// Creates an engine without sources.
    pub fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_debug(false);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(MAX_RECURSION);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(print);
        filters::register(&mut environment);
        Self { environment }
    }

    /// Compiles a source that uses these variables. A source that could exhaust the stack, time or memory is refused
    /// before.
    ///
    /// # Errors
    /// Returns the first error of its syntax, or the first part that is refused.
    pub fn add(&mut self, name: &str, source: &str, variables: &Variables) -> Result<(), EngineError> {
        let refused = |refusal: SourceRefusal| EngineError {
            kind: EngineErrorKind::Source,
            place: Some(Place::of_offset(source, refusal.offset)),
            message: refusal.message.to_owned(),
        };
        check_structure(source).map_err(refused)?;
        let parsed = parse(source, name, SyntaxConfig::default()).map_err(|error| engine_error(&error, source))?;
        check_shapes(&parsed, variables).map_err(refused)?;
        let added = self.environment.add_template_owned(name.to_owned(), source.to_owned());
        added.map_err(|error| engine_error(&error, source))
    }

    /// Returns the names that a source uses without setting them.
    pub fn used_names(&self, name: &str) -> BTreeSet<String> {
        let template = self.environment.get_template(name);
        template.map(|template| template.undeclared_variables(false).into_iter().collect()).unwrap_or_default()
    }

    /// Renders a source to at most `limit` bytes.
    ///
    /// # Errors
    /// Returns the reason.
    pub fn render(&self, name: &str, kind: SourceKind, context: Value, limit: usize) -> Result<String, EngineError> {
        let template = self.environment.get_template(name).map_err(|error| engine_error(&error, ""))?;
        // Cleaning may shorten the text. The finished text is held to the limit below.
        let mut writer = LimitedWriter::new(limit.saturating_mul(2));
        let done = template.render_captured_to(context.clone(), &mut writer).map(|_| ());
        done.map_err(|error| match engine_error(&error, template.source()) {
            unplaced @ EngineError { place: None, .. } => {
                unplaced.at(self.place_of_end(template.source(), context.clone(), limit))
            }
            placed => placed,
        })?;
        let marked = writer.into_text();
        let finished = finished(&marked, kind).map_err(|MarkupError { rule, values, .. }| EngineError {
            kind: EngineErrorKind::Source,
            place: self.place_of_value(template.source(), context.clone(), limit, values),
            message: rule.to_string(),
        })?;
        if finished.len() > limit {
            return Err(EngineError::too_large().at(self.place_of_end(template.source(), context, limit)));
        }
        Ok(finished)
    }
}

impl TemplateEngine {
    /// Returns the place of the expression that prints the value with this number, from 1: the source is rendered again
    /// with a mark before each expression.
    fn place_of_value(&self, source: &str, context: Value, limit: usize, number: usize) -> Option<Place> {
        // A mark is longer than what it stands before.
        let marked = self.with_marks(source, context, limit.saturating_mul(16))?;
        let at = marked.match_indices([VALUE, URI]).map(|(at, _)| at).nth(number.checked_sub(1)?)?;
        let offset = marked.get(..at)?.strip_suffix(TAG)?.rsplit(TAG).next()?.parse().ok()?;
        Some(Place::of_offset(source, offset))
    }

    /// Returns the place at which a rendering ended early: the last expression that it reached, else the first tag,
    /// else the beginning.
    fn place_of_end(&self, source: &str, context: Value, limit: usize) -> Place {
        let marked = self.with_marks(source, context, limit.saturating_mul(2)).unwrap_or_default();
        let last = marked.rsplit(TAG).nth(1).and_then(|offset| offset.parse().ok());
        let offset = last.or_else(|| tags(source).next().map(|tag| tag.start)).unwrap_or(0);
        Place::of_offset(source, offset)
    }

    /// Renders a source with a mark before each expression, up to the limit or the first error.
    fn with_marks(&self, source: &str, context: Value, limit: usize) -> Option<String> {
        let (mut located, mut end) = (String::with_capacity(source.len() * 2), 0);
        for tag in tags(source).filter(TemplateTag::is_expression) {
            located.push_str(source.get(end..tag.start)?);
            located.push_str(&format!("{TAG}{}{TAG}", tag.start));
            end = tag.start;
        }
        located.push_str(source.get(end..)?);
        let template = self.environment.template_from_str(&located).ok()?;
        let mut writer = LimitedWriter::new(limit);
        // The text up to an error is what is wanted.
        let _ = template.render_captured_to(context, &mut writer);
        Some(writer.into_text())
    }

    /// Returns the place of the first expression of a source, or its beginning; `None` without such a source.
    pub fn place_of_first_expression(&self, path: &str) -> Option<Place> {
        let template = self.environment.get_template(path).ok()?;
        let first = tags(template.source()).find(TemplateTag::is_expression);
        Some(Place::of_offset(template.source(), first.map_or(0, |tag| tag.start)))
    }
}

impl EngineError {
    /// Creates the error of a text that is larger than its limit.
    pub fn too_large() -> Self {
        let message = "makes a text that is larger than its limit".to_owned();
        Self { kind: EngineErrorKind::TooLarge, place: None, message }
    }

    /// Sets the place.
    pub fn at(self, place: impl Into<Option<Place>>) -> Self {
        Self { place: place.into(), ..self }
    }
}

fn finished(marked: &str, kind: SourceKind) -> Result<String, MarkupError> {
    match kind {
        SourceKind::Line => Ok(text::one_line(&markup::plain_text(marked, false))),
        SourceKind::Text => Ok(text::lines(&markup::plain_text(marked, false))),
        SourceKind::Sms => Ok(text::sms_lines(&markup::plain_text(marked, false))),
        SourceKind::Mail => {
            // Cleaning removes every invisible character, so that the breaks of links come after it.
            let plain = markup::plain_text(marked, true).replace(BREAK, STAND_IN);
            Ok(text::lines(&plain).replace(STAND_IN, BREAK))
        }
        SourceKind::Html => html_pass::html(marked),
        SourceKind::Url => markup::url(marked),
    }
}

/// Stand-in of [`BREAK`] while a text is cleaned: a character of the private use area, which cleaning keeps.
const STAND_IN: &str = "\u{f5d3}";

/// Prints a value between two marks. Only texts, numbers and booleans can be printed, and no text is markup.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::String | ValueKind::Number => value.to_string(),
        _ => return Err(invalid("only texts, numbers and booleans can be printed; use a filter or a loop")),
    };
    let is_uri = value.as_str().is_some() && Localization::of(state)?.uris.contains(&text);
    let mark = if is_uri { URI } else { VALUE };
    write!(out, "{mark}").map_err(Error::from)?;
    let is_removed = |c: char| (c.is_control() && c != '\n') || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    if text.contains(is_removed) {
        out.write_str(&text.replace(is_removed, "")).map_err(Error::from)?;
    } else {
        out.write_str(&text).map_err(Error::from)?;
    }
    write!(out, "{END}").map_err(Error::from)
}

/// Converts an error of the engine. The engine's own text is used only where it consists of the source's words.
fn engine_error(error: &Error, source: &str) -> EngineError {
    let place = error.range().map(|range| Place::of_offset(source, range.start));
    let place = place.or_else(|| error.line().map(|line| Place { line, column: 1 }));
    let own = error.source().and_then(|inner| inner.downcast_ref::<FilterError>());
    let (kind, message) = match (own, error.kind()) {
        (Some(FilterError(message)), _) => (EngineErrorKind::Source, message.clone()),
        (None, ErrorKind::WriteFailure) => return EngineError { place, ..EngineError::too_large() },
        (None, ErrorKind::OutOfFuel) => (EngineErrorKind::OutOfFuel, "takes too much work".to_owned()),
        (None, ErrorKind::UndefinedError) => {
            (EngineErrorKind::Undefined, "uses a value that may be missing; use the filter default".to_owned())
        }
        (
            None,
            ErrorKind::SyntaxError | ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction,
        ) => {
            let detail = error.detail().unwrap_or_default();
            (EngineErrorKind::Source, format!("{}: {detail}", error.kind()))
        }
        (None, kind) => (EngineErrorKind::Source, format!("cannot be evaluated: {kind}")),
    };
    EngineError { kind, place, message }
}

/// Returns the first error of a source's syntax. Its variables are not known.
#[must_use]
pub fn syntax_finding(path: &str, source: &str) -> Option<Finding> {
    let error = TemplateEngine::new().add(path, source, &Variables::default()).err()?;
    Some(Finding::new(path, error.message).at(error.place))
}

/// Returns the place of the first error of a source of HTML, in any of its branches: a value that must not stand where
/// it does, or markup that is not closed or has a URL that is not allowed.
pub fn misplaced_value(source: &str) -> Option<(Option<Place>, MarkupRuleError)> {
    let mut marked = String::with_capacity(source.len());
    // Bytes of the text with marks and of the source at which the pieces begin.
    let mut pieces = Vec::new();
    for piece in source_pieces(source) {
        match piece {
            SourcePiece::Literal { start, text } => {
                pieces.push((marked.len(), start));
                marked.push_str(text);
            }
            SourcePiece::Tag(tag) if tag.is_expression() => {
                pieces.push((marked.len(), tag.start));
                marked.push(URI);
                marked.push_str("https://example.com/");
                marked.push(END);
            }
            SourcePiece::Tag(_) => {}
        }
    }
    let error = html_pass::html(&marked).err()?;
    let piece = pieces.iter().rev().find(|(start, _)| *start <= error.offset);
    let place = piece.map(|(start, offset)| Place::of_offset(source, offset + error.offset - start));
    Some((place, error.rule))
}
