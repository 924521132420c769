//! Text as people read it: cleaned once where it enters, and cut between what a reader takes for characters.
//!
//! [`one_line`] and [`lines`] bring a title and a body into the form that is stored, shown by explain and sent on every channel.
//! Both normalize to NFC, take out control characters and what is invisible and carries nothing, and are their own inverse's end:
//! cleaned text stays as it is. What is kept, because scripts or emoji need it: joiners inside them, variation selectors behind
//! what has variants, the tags of flags, and in texts of right-to-left scripts marks and isolates of direction.

mod clean;
mod cut;
mod invisible;

pub use clean::{lines, one_line};
pub use cut::{graphemes, shortened, word_end};
pub use invisible::is_invisible;
