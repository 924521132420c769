//! Number of parts of a text, because each part is paid for.
//!
//! A text is sent in GSM 03.38 septets, or in UCS-2 if one character requires it.

/// Encoding of a text. One character outside the GSM alphabet makes the whole text UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 section 6.2.1).
    Gsm7,
    /// 16-bit units; a character outside the basic plane takes two.
    Ucs2,
}

/// Encoding and number of parts of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsParts {
    /// Encoding of the text.
    pub encoding: Encoding,
    /// Number of parts that are paid for; 0 for an empty text.
    pub parts: u32,
}

impl Encoding {
    /// Returns the maximum number of units of a text that fits into one message.
    const fn single(self) -> u32 {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Returns the number of units of each part of a longer text. The header of a part takes six bytes.
    const fn of_each_part(self) -> u32 {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    fn units(self, character: char) -> u32 {
        match self {
            Self::Gsm7 => septets(character).unwrap_or(0),
            Self::Ucs2 if character.len_utf16() == 1 => 1,
            Self::Ucs2 => 2,
        }
    }
}

/// Counts the parts of a text, without splitting an escape sequence or a surrogate pair.
#[must_use]
pub fn parts(text: &str) -> SmsParts {
    let is_gsm = text.chars().all(|character| septets(character).is_some());
    let encoding = if is_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 };
    let total: u32 = text.chars().map(|character| encoding.units(character)).sum();
    if total <= encoding.single() {
        return SmsParts { encoding, parts: u32::from(total > 0) };
    }
    let (mut parts, mut filled) = (1, 0);
    for units in text.chars().map(|character| encoding.units(character)) {
        if filled + units > encoding.of_each_part() {
            parts += 1;
            filled = 0;
        }
        filled += units;
    }
    SmsParts { encoding, parts }
}

/// Returns the septets of a character, or `None` if the GSM alphabet lacks it.
fn septets(character: char) -> Option<u32> {
    match character {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '\n' | '\r' => Some(1),
        ' '..='?' => Some(1),
        '@' | '_' | '£' | '¥' | '¤' | '§' | '¡' | '¿' => Some(1),
        'è' | 'é' | 'ù' | 'ì' | 'ò' | 'à' | 'ä' | 'ö' | 'ü' | 'ñ' | 'ø' | 'å' | 'æ' | 'ß' => Some(1),
        'Ç' | 'É' | 'Ä' | 'Ö' | 'Ü' | 'Ñ' | 'Ø' | 'Å' | 'Æ' => Some(1),
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn gsm(parts: u32) -> SmsParts {
        SmsParts { encoding: Encoding::Gsm7, parts }
    }

    fn ucs(parts: u32) -> SmsParts {
        SmsParts { encoding: Encoding::Ucs2, parts }
    }

    #[test]
    fn gsm_takes_160_septets_alone_and_153_in_each_part() {
        for (length, count) in [(0, 0), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)] {
            assert_eq!(parts(&"a".repeat(length)), gsm(count), "{length}");
        }
    }

    #[test]
    fn ucs2_takes_70_units_alone_and_67_in_each_part() {
        for (length, count) in [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)] {
            assert_eq!(parts(&"ж".repeat(length)), ucs(count), "{length}");
        }
    }

    #[test]
    fn the_extension_table_counts_twice() {
        assert_eq!(parts(&"€".repeat(80)), gsm(1));
        assert_eq!(parts(&"€".repeat(81)), gsm(2));
        for character in "^{}\\[~]|€\u{c}".chars() {
            assert_eq!(septets(character), Some(2), "{character:?}");
        }
    }

    #[test]
    fn an_escape_sequence_is_never_split() {
        // 153 septets hold 76 euro signs and leave one over: 153 of them need 2 parts by sum but 3 by packing.
        assert_eq!(parts(&"€".repeat(152)), gsm(2));
        assert_eq!(parts(&"€".repeat(153)), gsm(3));
        assert_eq!(parts(&format!("{}€{}", "a".repeat(152), "a".repeat(151))), gsm(2));
        assert_eq!(parts(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), gsm(3));
    }

    #[test]
    fn a_surrogate_pair_is_never_split() {
        assert_eq!(parts(&"😀".repeat(35)), ucs(1));
        assert_eq!(parts(&"😀".repeat(66)), ucs(2));
        assert_eq!(parts(&"😀".repeat(67)), ucs(3));
    }

    #[test]
    fn the_gsm_alphabet_has_127_characters_and_10_more() {
        let known: Vec<u32> = ('\0'..=char::MAX).filter_map(septets).collect();
        assert_eq!(known.iter().filter(|units| **units == 1).count(), 127);
        assert_eq!(known.iter().filter(|units| **units == 2).count(), 10);
    }

    #[test]
    fn characters_that_look_like_gsm_but_are_not_make_it_ucs2() {
        for text in ["ç", "`", "“quoted”", "…", "\t", "Á", "–"] {
            assert_eq!(parts(text), ucs(1), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn packing_costs_at_least_the_sum_and_at_most_one_unit_for_each_part(text in any::<String>()) {
            let counted = parts(&text);
            let total: u32 = text.chars().map(|c| counted.encoding.units(c)).sum();
            if total > counted.encoding.single() {
                let each = counted.encoding.of_each_part();
                assert!(counted.parts >= total.div_ceil(each));
                assert!(counted.parts <= total.div_ceil(each - 1));
            } else {
                assert_eq!(counted.parts, u32::from(total > 0));
            }
        }
    }
}
