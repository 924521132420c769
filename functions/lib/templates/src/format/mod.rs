//! Texts of numbers, money and times in a locale and a time zone, and the plural categories of a language.

mod dates;
mod money;
mod numbers;

pub use dates::{date, date_and_time, time_of_day};
pub use money::{MoneyAmount, money};
pub use numbers::{number, plural_category, required_categories};
