//! Text for people: cleaned once when it enters the service, and shortened between visible characters.
//!
//! [`one_line`] converts a title, and [`lines`] a body, to its cleaned form. This form is stored, shown by explain
//! and sent on every channel. Both functions normalize to NFC and remove control characters. They also remove
//! invisible characters that carry no meaning. Both are idempotent: cleaned text does not change again. [`sms_lines`]
//! also makes every white space a plain one, which costs less in an SMS.
//!
//! Some invisible characters are kept because scripts or emoji require them. These are joiners inside such text,
//! variation selectors after characters that have variants, and the tags of flags. In texts with a right-to-left
//! script, marks and isolates of direction are kept too.

mod clean;
mod cut;
mod id;
mod invisible;

pub use clean::{is_line, lines, one_line, sms_lines};
pub use cut::{graphemes, shortened, word_end};
pub use id::{MAX_ID_CHARS, is_possible_id};
pub use invisible::{is_blank, is_invisible};
