//! Numbers with their nouns, for texts that people read.

use std::fmt::Display;

/// Returns a number with its noun: `1 person`, `2000 people`. The noun may be followed by its verb: `1 part is`.
#[must_use]
pub fn counted_noun<N: Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let noun = if number == N::from(1) { one } else { many };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_singular() {
        let people = |number: i64| counted_noun(number, "person", "people");
        assert_eq!([0, 1, 2, -1, 2_000].map(people), ["0 people", "1 person", "2 people", "-1 people", "2000 people"]);
        assert_eq!(counted_noun(1_usize, "part is", "parts are"), "1 part is");
    }
}
