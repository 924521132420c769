//! Amounts of money: the decimals of ISO 4217, and symbol and position by locale.

use super::numbers::decimal;
use crate::locale::{language, ranges};

/// Currencies without decimals (ISO 4217).
const NO_DECIMALS: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies with three decimals (ISO 4217).
const THREE_DECIMALS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
/// Symbols that the same currency has in every locale. Other currencies are written by their code.
const SYMBOLS: [(&str, &str); 11] = [
    ("EUR", "€"),
    ("GBP", "£"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("NGN", "₦"),
    ("PHP", "₱"),
    ("TRY", "₺"),
    ("UAH", "₴"),
    ("VND", "₫"),
];
/// Locales that write the symbol directly before the number.
const BEFORE: [&str; 15] =
    ["en", "zh", "ja", "ko", "th", "hi", "tr", "fil", "ms", "es-MX", "es-US", "es-PR", "es-GT", "es-HN", "es-NI"];
/// Locales that write the symbol and a space before the number.
const BEFORE_WITH_SPACE: [&str; 12] =
    ["nl", "pt-BR", "de-AT", "de-CH", "de-LI", "it-CH", "fr-CH", "es-AR", "es-CO", "es-UY", "nb", "id"];

/// Exact amount in a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyAmount {
    /// Plain decimal text.
    amount: String,
    /// ISO 4217 code.
    currency: String,
}

impl MoneyAmount {
    /// Parses an amount such as `1234.50 EUR`. It has at most the decimals of its currency.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, currency) = text.split_once(' ')?;
        let (whole, decimals) = amount.split_once('.').map_or((amount, None), |(whole, rest)| (whole, Some(rest)));
        let whole = whole.strip_prefix('-').unwrap_or(whole);
        let is_digits =
            |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        let fits =
            is_code && is_digits(whole, 15) && decimals.is_none_or(|rest| is_digits(rest, minor_digits(currency)));
        fits.then(|| Self { amount: amount.to_owned(), currency: currency.to_owned() })
    }

    /// Rounds a number to the decimals of a currency.
    #[must_use]
    pub fn rounded(value: f64, currency: &str) -> Option<Self> {
        if !value.is_finite() || value.abs() >= 1e15 {
            return None;
        }
        Self::parse(&format!("{value:.*} {currency}", minor_digits(currency)))
    }
}

/// Returns an amount as the locale writes it, for example `1.234,50 €`.
pub fn money(locale: &str, money: &MoneyAmount) -> Option<String> {
    let digits = minor_digits(&money.currency);
    let (whole, decimals) = money.amount.split_once('.').unwrap_or((&money.amount, ""));
    let padded = if digits == 0 { whole.to_owned() } else { format!("{whole}.{decimals:0<digits$}") };
    let (sign, padded) = padded.strip_prefix('-').map_or(("", padded.as_str()), |rest| ("-", rest));
    let number = decimal(locale, padded)?;
    let symbol = symbol(locale, &money.currency);
    let is_code = symbol.len() == 3 && symbol.bytes().all(|byte| byte.is_ascii_uppercase());
    Some(match position(locale) {
        Position::Before if !is_code => format!("{sign}{symbol}{number}"),
        Position::Before | Position::BeforeWithSpace => format!("{sign}{symbol}\u{a0}{number}"),
        Position::After => format!("{sign}{number}\u{a0}{symbol}"),
    })
}

enum Position {
    Before,
    BeforeWithSpace,
    After,
}

/// Returns the symbol's position for the most specific range of the locale that a list names.
fn position(locale: &str) -> Position {
    let has = |list: &[&str], range: &str| list.iter().any(|known| known.eq_ignore_ascii_case(range));
    ranges(locale)
        .find_map(|range| {
            let before = has(&BEFORE, range).then_some(Position::Before);
            before.or_else(|| has(&BEFORE_WITH_SPACE, range).then_some(Position::BeforeWithSpace))
        })
        .unwrap_or(Position::After)
}

/// Returns the symbol of a currency. `$` stands alone only in the language and country of its own dollar.
fn symbol<'a>(locale: &str, currency: &'a str) -> &'a str {
    let is = |tag: &str| locale.eq_ignore_ascii_case(tag);
    match currency {
        "USD"
            if language(locale) == "en" && !["en-AU", "en-CA", "en-NZ", "en-SG", "en-HK"].iter().any(|tag| is(tag)) =>
        {
            "$"
        }
        "USD" if is("es-US") || is("es-PR") => "$",
        "CAD" if is("en-CA") || is("fr-CA") => "$",
        "AUD" if is("en-AU") => "$",
        "NZD" if is("en-NZ") => "$",
        "MXN" if is("es-MX") => "$",
        "BRL" if language(locale) == "pt" => "R$",
        "CNY" if language(locale) == "zh" => "¥",
        _ => SYMBOLS.iter().find(|(code, _)| *code == currency).map_or(currency, |(_, symbol)| symbol),
    }
}

fn minor_digits(currency: &str) -> usize {
    if NO_DECIMALS.contains(&currency) {
        0
    } else if THREE_DECIMALS.contains(&currency) {
        3
    } else {
        2
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn symbol_and_position_are_those_of_the_locale() {
        for (locale, amount, text) in [
            ("it", "1234.5 EUR", "1234,50\u{a0}€"),
            ("it", "12345.5 EUR", "12.345,50\u{a0}€"),
            ("en", "1234.5 EUR", "€1,234.50"),
            ("en-US", "-5 USD", "-$5.00"),
            ("en-AU", "5 USD", "USD\u{a0}5.00"),
            ("de", "0.99 USD", "0,99\u{a0}USD"),
            ("de-AT", "5 EUR", "€\u{a0}5,00"),
            ("it-CH", "15000 CHF", "CHF\u{a0}15'000.00"),
            ("ja", "1500 JPY", "¥1,500"),
            ("pt-BR", "1500 BRL", "R$\u{a0}1.500,00"),
            ("pt-PT", "15 EUR", "15,00\u{a0}€"),
            ("en", "1.234 KWD", "KWD\u{a0}1.234"),
        ] {
            assert_eq!(money(locale, &MoneyAmount::parse(amount).unwrap()).as_deref(), Some(text), "{locale} {amount}");
        }
    }

    #[test]
    fn an_amount_has_a_code_and_at_most_its_decimals() {
        for text in [
            "",
            "5",
            "EUR",
            "5 eur",
            "5 EURO",
            "5,5 EUR",
            "5.555 EUR",
            "5.5 JPY",
            "1e3 EUR",
            ".5 EUR",
            "5. EUR",
            "--5 EUR",
            "1234567890123456 EUR",
            " 5 EUR",
            "5  EUR",
        ] {
            assert_eq!(MoneyAmount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_rounded_to_the_decimals_of_its_currency() {
        assert_eq!(MoneyAmount::rounded(2.675, "EUR"), MoneyAmount::parse("2.67 EUR"));
        assert_eq!(MoneyAmount::rounded(1234.5, "JPY"), MoneyAmount::parse("1234 JPY"));
        assert_eq!(MoneyAmount::rounded(f64::NAN, "EUR"), None);
        assert_eq!(MoneyAmount::rounded(1.0, "euro"), None);
    }
}
