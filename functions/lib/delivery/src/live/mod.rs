//! Configuration in force: the parameters of rollout and settings. Every process follows a change within 30 s.

pub mod last_good;
pub mod reading;
pub mod source;

pub use last_good::LastGood;
pub use reading::{Live, Texts};
pub use source::LiveSource;
