//! Numbers and plural categories by CLDR.

use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralOperands, PluralRules};

/// Maximum number of decimals of a number, unless the template sets it.
const MAX_DECIMALS: usize = 3;
/// Maximum number of decimals that a template can set.
const MOST_DECIMALS: usize = 12;

/// Returns the plain decimal text of a number: a point, no grouping, no exponent. `digits` sets the number of
/// decimals; otherwise there are at most three. Returns `None` for a number that is not finite or is too large.
fn plain(value: f64, digits: Option<usize>) -> Option<String> {
    if !value.is_finite() || value.abs() >= 1e18 {
        return None;
    }
    let text = format!("{value:.*}", digits.unwrap_or(MAX_DECIMALS).min(MOST_DECIMALS));
    if digits.is_some() || !text.contains('.') {
        return Some(text);
    }
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Returns a number as the locale writes it, for example `12.345,5`.
pub fn number(locale: &str, value: f64, digits: Option<usize>) -> Option<String> {
    decimal(locale, &plain(value, digits)?)
}

/// Returns a plain decimal text as the locale writes it.
pub fn decimal(locale: &str, plain: &str) -> Option<String> {
    let decimal: Decimal = plain.parse().ok()?;
    let formatter = DecimalFormatter::try_new((&parsed(locale)).into(), DecimalFormatterOptions::default()).ok()?;
    Some(formatter.format(&decimal).to_string())
}

/// Returns the name of a number's plural category in a language.
pub fn plural_category(language: &str, value: f64) -> Option<&'static str> {
    Some(name(rules(language)?.category_for(operands(value)?)))
}

/// Returns the categories that a text must have in a language. Those that only occur from a million on, as `many` in
/// Italian, are left out.
pub fn required_categories(language: &str) -> Vec<&'static str> {
    let Some(rules) = rules(language) else { return vec!["other"] };
    let integers = (0_u32..=200).map(f64::from);
    let decimals = (0_u32..=30).map(|tenths| f64::from(tenths) / 10.0);
    let mut found: Vec<_> = integers
        .chain(decimals)
        .filter_map(operands)
        .map(|operands| name(rules.category_for(operands)))
        .chain(["other"])
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn operands(value: f64) -> Option<PluralOperands> {
    let decimal: Decimal = plain(value, None)?.parse().ok()?;
    Some(PluralOperands::from(&decimal))
}

fn rules(language: &str) -> Option<PluralRules> {
    PluralRules::try_new_cardinal((&parsed(language)).into()).ok()
}

fn parsed(locale: &str) -> Locale {
    locale.parse().unwrap_or(Locale::UNKNOWN)
}

const fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_number_has_the_separators_of_its_locale() {
        for (locale, value, digits, text) in [
            ("en", 1_234_567.5, None, "1,234,567.5"),
            ("it", 1_234_567.5, Some(2), "1.234.567,50"),
            ("de-CH", 1234.0, None, "1'234"),
            ("fr", 1234.5, None, "1\u{202f}234,5"),
            ("en-IN", 1_234_567.0, None, "12,34,567"),
            ("xx", 1234.5, None, "1,234.5"),
            ("not a locale", 0.125, None, "0.125"),
            ("en", -0.5, Some(0), "-0"),
        ] {
            assert_eq!(number(locale, value, digits).as_deref(), Some(text), "{locale}");
        }
        assert_eq!(number("en", f64::NAN, None), None);
        assert_eq!(number("en", 1e300, None), None);
    }

    #[test]
    fn plural_categories_follow_cldr() {
        for (language, value, category) in [
            ("en", 1.0, "one"),
            ("en", 1.5, "other"),
            ("it", 0.0, "other"),
            ("fr", 0.0, "one"),
            ("pl", 3.0, "few"),
            ("pl", 5.0, "many"),
            ("ru", 21.0, "one"),
            ("ar", 2.0, "two"),
            ("ja", 1.0, "other"),
            ("it", 2_000_000.0, "many"),
        ] {
            assert_eq!(plural_category(language, value), Some(category), "{language} {value}");
        }
    }

    #[test]
    fn a_text_needs_the_categories_of_everyday_numbers() {
        assert_eq!(required_categories("it"), ["one", "other"]);
        assert_eq!(required_categories("en"), ["one", "other"]);
        assert_eq!(required_categories("ja"), ["other"]);
        assert_eq!(required_categories("ru"), ["few", "many", "one", "other"]);
        assert_eq!(required_categories("ar"), ["few", "many", "one", "other", "two", "zero"]);
    }

    proptest! {
        #[test]
        fn any_number_is_written_or_refused(value in any::<f64>(), digits in 0_usize..40, locale in "[a-z]{2}(-[A-Z]{2})?") {
            assert!(number(&locale, value, Some(digits)).is_none_or(|text| text.chars().count() < 64));
            assert_eq!(plural_category(&locale, value).is_some(), plain(value, None).is_some());
        }
    }
}
