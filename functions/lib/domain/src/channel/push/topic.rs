//! `Topic` of a push (RFC 8030 section 5.4), by which a push service replaces a message that it has not delivered
//! yet.

use std::fmt::{self, Write as _};

use ring::digest::{Context, SHA256};

/// 32 hexadecimal digits. The RFC allows 32 characters; Apple refuses `-` and `_`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Topic(String);

impl Topic {
    /// Returns the topic for a text that the caller chose; any text is allowed.
    #[must_use]
    pub fn of_caller(topic: &str) -> Self {
        Self::hash("caller", topic)
    }

    /// Returns the topic for a notification without one. It is derived from the notification's id, so that only its
    /// own retries replace each other.
    #[must_use]
    pub fn of_notification(id: &str) -> Self {
        Self::hash("notification", id)
    }

    /// Returns the value of the header, which is also the service worker's `tag`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 128 bits of SHA-256 in hexadecimal. The kind is part of the hashed text, so that a caller's
    /// topic cannot equal that of another notification.
    fn hash(kind: &str, text: &str) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [kind, ":", text] {
            context.update(part.as_bytes());
        }
        let mut letters = String::with_capacity(32);
        for byte in &context.finish().as_ref()[..16] {
            // Writing to a `String` cannot fail.
            let _ = write!(letters, "{byte:02x}");
        }
        Self(letters)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_topic_is_32_letters_and_digits_whatever_the_text() {
        for text in ["", "invoice", "-_-", "Grüße", &"x".repeat(10_000)] {
            let topic = Topic::of_caller(text);
            assert_eq!(topic.as_str().len(), 32);
            assert!(topic.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn equal_texts_have_equal_topics_and_no_others() {
        let all =
            [Topic::of_caller("a"), Topic::of_caller("b"), Topic::of_notification("a"), Topic::of_notification("b")];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!(Topic::of_caller("a"), all[0]);
    }

    #[test]
    fn a_topic_stays_what_it_was_in_messages_that_a_push_service_still_holds() {
        // Command that computed this value: printf 'caller:invoice-7' | sha256sum | cut -c-32
        assert_eq!(Topic::of_caller("invoice-7").as_str(), "475e3f79e8b3bc576feb102af8816932");
    }
}
