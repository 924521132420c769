//! Numbers of JSON, compared exactly: as floating-point numbers, whole numbers above 2^53 equal their neighbours.

use std::cmp::Ordering;

use serde_json::Value;

/// Number of a filter or an attribute.
#[derive(Debug, Clone, Copy)]
pub enum ExactNumber {
    /// A whole number that fits 64 bits, with or without a sign.
    Whole(i128),
    /// Any other number.
    Real(f64),
}

impl ExactNumber {
    /// Returns the number of a JSON value; `None` if the value is no number.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let signed = || value.as_i64().map(i128::from);
        let whole = value.as_u64().map(i128::from).or_else(signed).map(Self::Whole);
        whole.or_else(|| value.as_f64().map(Self::Real))
    }
}

impl From<usize> for ExactNumber {
    fn from(number: usize) -> Self {
        Self::Whole(number as i128)
    }
}

impl PartialEq for ExactNumber {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for ExactNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (Self::Real(one), Self::Real(other)) => one.partial_cmp(&other),
            (Self::Whole(whole), Self::Real(real)) => Some(compare(whole, real)),
            (Self::Real(real), Self::Whole(whole)) => Some(compare(whole, real).reverse()),
        }
    }
}

/// Compares a whole number with a real one, which JSON cannot make infinite. Beyond the range of whole numbers, the
/// conversion takes the largest or the smallest one.
fn compare(whole: i128, real: f64) -> Ordering {
    let below = real.floor();
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    let ordering = whole.cmp(&(below as i128));
    if ordering == Ordering::Equal && real > below { Ordering::Less } else { ordering }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(value: &Value) -> ExactNumber {
        ExactNumber::of(value).unwrap()
    }

    /// Numbers of each kind, many of them next to a power of two.
    fn any_number() -> impl Strategy<Value = Value> {
        let near = (0..64_u32, -2..3_i64).prop_map(|(power, off)| (1_u64 << power).wrapping_add_signed(off));
        prop_oneof![
            near.clone().prop_map(|whole| json!(whole)),
            near.clone().prop_map(|whole| json!(whole.cast_signed())),
            near.prop_map(|whole| json!(whole as f64)),
            (-1e20..1e20_f64).prop_map(|real| json!(real)),
            (-8..8_i32).prop_map(|half| json!(f64::from(half) / 2.0)),
        ]
    }

    #[test]
    fn neighbours_above_2_to_the_53_differ() {
        let limit = 1_u64 << 53;
        assert!(number(&json!(limit)) < number(&json!(limit + 1)));
        assert!(number(&json!(limit as f64)) < number(&json!(limit + 1)), "also as 9007199254740992.0");
        assert!(number(&json!(u64::MAX - 1)) < number(&json!(u64::MAX)));
        assert!(number(&json!(i64::MIN)) < number(&json!(i64::MIN + 1)));
        assert!(number(&json!(u64::MAX)) < number(&json!(1e300)) && number(&json!(i64::MIN)) > number(&json!(-1e300)));
        assert!(number(&json!(5)) == number(&json!(5.0)) && number(&json!(5)) < number(&json!(5.5)));
        assert_eq!(number(&json!(0)), number(&json!(-0.0)));
        assert!(number(&json!(-5)) < number(&json!(-4.5)) && ExactNumber::of(&json!("5")).is_none());
    }

    proptest! {
        /// The order of whole numbers is theirs, and the order of all is one order.
        #[test]
        fn numbers_have_one_order(one in any_number(), two in any_number(), three in any_number()) {
            let [a, b, c] = [&one, &two, &three].map(number);
            let whole = |value: &Value| value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from));
            if let (Some(one), Some(two)) = (whole(&one), whole(&two)) {
                prop_assert_eq!(a.partial_cmp(&b), Some(one.cmp(&two)));
            }
            prop_assert_eq!(a.partial_cmp(&b), b.partial_cmp(&a).map(Ordering::reverse));
            if a <= b && b <= c {
                prop_assert!(a <= c, "{} {} {}", one, two, three);
            }
            if a == b && b == c {
                prop_assert!(a == c, "{} {} {}", one, two, three);
            }
        }
    }
}
