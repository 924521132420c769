//! Entity tags and the conditions that a request sets on them (RFC 9110, sections 8.8.3 and 13.1).

use crate::http::Request;
use crate::problem::{Problem, ProblemKind};

/// What a request demands of the resource's present state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// `If-Match`.
    pub if_match: Option<TagList>,
    /// `If-None-Match`.
    pub if_none_match: Option<TagList>,
}

/// The value of one of the two headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagList {
    /// `*`: any state, as long as there is one.
    Any,
    /// These tags.
    Tags(Vec<Tag>),
}

/// An entity tag that a caller wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Whether it is marked `W/`.
    pub is_weak: bool,
    /// The text between the quotes.
    pub opaque: String,
}

impl Preconditions {
    /// Reads both headers.
    ///
    /// # Errors
    /// 422 naming the header that is neither `*` nor a list of entity tags. It is not passed over: a caller who sets a
    /// condition must not get an unconditional write.
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

    /// Whether nothing is demanded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

/// 412.
#[must_use]
pub fn failed() -> Problem {
    let detail = "It has changed since, or is not there, or is there already. Read it again, and decide anew.";
    Problem::new(ProblemKind::PreconditionFailed, detail)
}

impl TagList {
    /// Reads `*` or `#entity-tag`: tags with commas between them, where empty elements count for nothing.
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

    /// Whether one of the tags is a present state: the weak comparison, which reads ask for.
    #[must_use]
    pub fn names(&self, is_present: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| is_present(&tag.opaque)),
        }
    }

    /// Whether one of the tags is a present state and not a weak one: the strong comparison, which writes ask for.
    #[must_use]
    pub fn names_strongly(&self, is_present: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| !tag.is_weak && is_present(&tag.opaque)),
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// `etagc`: visible characters but the double quote, and what lies beyond ASCII.
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
