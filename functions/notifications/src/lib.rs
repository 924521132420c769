//! WHAT the service does, in domain words.

pub mod channels;
pub mod private;
