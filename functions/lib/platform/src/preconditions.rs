//! Entity tags, and the conditions that a request sets with them (RFC 9110, sections 8.8.3 and 13.1).

use crate::http::Request;
use crate::problem::{Problem, ProblemKind};

/// Conditions of a request on the resource's current state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Value of `If-Match`.
    pub if_match: Option<TagList>,
    /// Value of `If-None-Match`.
    pub if_none_match: Option<TagList>,
}

/// Value of one of the two headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagList {
    /// `*`: any state of an existing resource.
    Any,
    /// List of entity tags.
    Tags(Vec<Tag>),
}

/// Entity tag from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `true` if the tag has the prefix `W/`.
    pub is_weak: bool,
    /// Text between the quotes.
    pub opaque: String,
}

impl Preconditions {
    /// Parses both headers.
    ///
    /// # Errors
    /// Returns 422 with the name of the header that is neither `*` nor a list of entity tags. An invalid header is
    /// not ignored: a caller that sets a condition must not get an unconditional write.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let read = |name: &str, value: Option<&str>| {
            let message = "must be * or a list of entity tags in double quotes";
            value.map(|text| TagList::parse(text).ok_or_else(|| Problem::invalid_field(name, message))).transpose()
        };
        Ok(Self {
            if_match: read("If-Match", request.if_match.as_deref())?,
            if_none_match: read("If-None-Match", request.if_none_match.as_deref())?,
        })
    }

    /// Checks the preconditions of a read. Returns `true` if the caller has the present state, so that the response is
    /// 304. `tag` is that of the present state.
    ///
    /// # Errors
    /// 412.
    pub fn is_known_to_caller(&self, tag: &str) -> Result<bool, Problem> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.names_strongly(|given| given == tag)) {
            return Err(failed());
        }
        Ok(self.if_none_match.as_ref().is_some_and(|tags| tags.names(|given| given == tag)))
    }

    /// Checks the preconditions of a write. `tag` is that of the stored state; `None` if nothing is stored.
    ///
    /// # Errors
    /// 412.
    pub fn check(&self, tag: Option<&str>) -> Result<(), Problem> {
        let is_named = |tags: &TagList| tag.is_some_and(|tag| tags.names_strongly(|given| given == tag));
        let is_excluded = |tags: &TagList| tag.is_some_and(|tag| tags.names(|given| given == tag));
        let holds =
            self.if_match.as_ref().is_none_or(is_named) && !self.if_none_match.as_ref().is_some_and(is_excluded);
        if holds { Ok(()) } else { Err(failed()) }
    }

    /// Returns `true` if `If-Match` names versions.
    #[must_use]
    pub const fn names_versions(&self) -> bool {
        matches!(self.if_match, Some(TagList::Tags(_)))
    }

    /// Returns `true` if the request sets no condition.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

/// Writes that take preconditions.
pub const CONDITIONAL_WRITES: [&str; 15] = [
    "DELETE /v1/recipients/{id}",
    "DELETE /v1/segments/{id}",
    "DELETE /v1/templates/{name}",
    "DELETE /v1/types/{type}",
    "PATCH /v1/campaigns/{id}",
    "PATCH /v1/recipients/{id}",
    "POST /v1/templates/{name}/versions",
    "PUT /v1/caps",
    "PUT /v1/recipients/{id}",
    "PUT /v1/recipients/{id}/preferences",
    "PUT /v1/segments/{id}",
    "PUT /v1/settings",
    "PUT /v1/templates/{name}",
    "PUT /v1/templates/{name}/live",
    "PUT /v1/types/{type}",
];

/// Refuses a write with a precondition that its route does not check. A caller that sets a condition must not get an
/// unconditional write. Reads ignore the headers: browsers and proxies add `If-None-Match`.
///
/// # Errors
/// 422 with the name of the header.
pub fn refuse_unsupported(request: &Request) -> Result<(), Problem> {
    if request.route.starts_with("GET ") || CONDITIONAL_WRITES.contains(&request.route.as_str()) {
        return Ok(());
    }
    let given = [("If-Match", &request.if_match), ("If-None-Match", &request.if_none_match)];
    match given.into_iter().find(|(_, value)| value.is_some()) {
        Some((name, _)) => Err(Problem::invalid_field(name, "is not supported by this route; leave it out")),
        None => Ok(()),
    }
}

/// Maximum number of tries of a conditional write, when other writers succeed first.
const MAX_WRITE_TRIES: u32 = 8;

/// Repeats a read and a conditional write until the write succeeds. `write` checks the preconditions of the request on
/// what it reads, and returns `None` if another writer succeeded first. That writer may have changed another resource
/// under the same condition, so only the next read shows whether the preconditions still hold.
///
/// # Errors
/// The problem of `write`; 503 if other writers succeed again and again.
pub async fn retry_conflicts<T, F>(mut write: impl FnMut() -> F) -> Result<T, Problem>
where
    F: Future<Output = Result<Option<T>, Problem>>,
{
    for _ in 0..MAX_WRITE_TRIES {
        if let Some(written) = write().await? {
            return Ok(written);
        }
    }
    Err(Problem::unavailable(1))
}

/// Creates a 412.
#[must_use]
pub fn failed() -> Problem {
    let detail = "The resource was changed, does not exist, or already exists. Read it before you repeat the request.";
    Problem::new(ProblemKind::PreconditionFailed, detail)
}

impl TagList {
    /// Parses `*` or `#entity-tag`: tags separated by commas. Empty elements are ignored.
    fn parse(text: &str) -> Option<Self> {
        if text.trim_matches(BLANKS) == "*" {
            return Some(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), text);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return (!tags.is_empty()).then_some(Self::Tags(tags));
            }
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
            if !opaque.chars().all(is_tag_char) {
                return None;
            }
            tags.push(Tag { is_weak, opaque: opaque.to_owned() });
            rest = after.trim_start_matches(BLANKS);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }

    /// Returns `true` if one of the tags matches the current state by weak comparison, which reads require.
    #[must_use]
    pub fn names(&self, is_present: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| is_present(&tag.opaque)),
        }
    }

    /// Returns `true` if one of the tags is not weak and matches the current state. This is the strong comparison,
    /// which writes require.
    #[must_use]
    pub fn names_strongly(&self, is_present: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| !tag.is_weak && is_present(&tag.opaque)),
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Returns `true` for an `etagc`: visible characters except the double quote, and all characters beyond ASCII.
fn is_tag_char(letter: char) -> bool {
    letter == '!' || ('#'..='~').contains(&letter) || !letter.is_ascii()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::{any, proptest};

    use super::*;

    fn tags(text: &str) -> Vec<(bool, String)> {
        match TagList::parse(text).unwrap() {
            TagList::Any => panic!("{text}"),
            TagList::Tags(tags) => tags.into_iter().map(|tag| (tag.is_weak, tag.opaque)).collect(),
        }
    }

    #[test]
    fn a_star_and_lists_of_tags_are_read() {
        for star in ["*", " * "] {
            assert_eq!(TagList::parse(star), Some(TagList::Any));
        }
        assert_eq!(tags(r#""a""#), [(false, "a".to_owned())]);
        assert_eq!(tags(r#""""#), [(false, String::new())]);
        assert_eq!(tags(r#"W/"a,b" ,, "c",	"é""#), [(true, "a,b".into()), (false, "c".into()), (false, "é".into())]);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        let wrong =
            ["", " ", ",", "a", r#""a"#, r#"a""#, r#"w/"a""#, r#"W/ "a""#, r#""a" "b""#, r#""a"b"#, r#"*, "a""#];
        for text in wrong.into_iter().chain([r#""a", *"#, "**", r#""a b""#, "\"a\u{7f}\"", "'a'"]) {
            assert_eq!(TagList::parse(text), None, "{text}");
        }
        let request = Request { if_match: Some("secret".to_owned()), ..Request::default() };
        let problem = Preconditions::of(&request).unwrap_err();
        assert_eq!((problem.kind, problem.errors[0].field.as_str()), (ProblemKind::Invalid, "If-Match"));
        assert!(!problem.detail.contains("secret"));
    }

    #[test]
    fn a_weak_tag_serves_a_read_and_no_write() {
        let list = TagList::parse(r#"W/"a", "b""#).unwrap();
        assert!(list.names(|tag| tag == "a") && list.names(|tag| tag == "b") && !list.names(|tag| tag == "c"));
        assert!(!list.names_strongly(|tag| tag == "a") && list.names_strongly(|tag| tag == "b"));
        assert!(TagList::Any.names(|_| false) && TagList::Any.names_strongly(|_| false));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_hang(text in any::<String>()) {
            let _ = TagList::parse(&text);
        }
    }
}
