//! Sending rate of the account at SES and SNS: calls beyond it are refused, whichever process makes them.

use jiff::Timestamp;
use platform::clock::Clock;

use super::Reply;

/// Sending rate of the account, for e-mails and SMS together.
#[derive(Debug)]
pub struct AccountRate {
    clock: Clock,
    per_second: usize,
    /// Present second, and the calls that were accepted in it.
    present: (Timestamp, usize),
    /// Number of accepted calls so far.
    pub accepted: usize,
    /// Number of refused calls so far.
    pub refused: usize,
}

impl AccountRate {
    /// Creates a rate whose seconds are those of a clock.
    pub fn new(clock: Clock, per_second: usize) -> Self {
        Self { clock, per_second, present: (Timestamp::MIN, 0), accepted: 0, refused: 0 }
    }

    /// Counts a call. Returns the refusal of the provider if the rate is exceeded.
    pub fn refusal(&mut self, status: u16, code: &str) -> Option<Reply> {
        let second = Timestamp::from_second(self.clock.now().as_second()).unwrap();
        if self.present.0 != second {
            self.present = (second, 0);
        }
        if self.present.1 < self.per_second {
            self.present.1 += 1;
            self.accepted += 1;
            return None;
        }
        self.refused += 1;
        let error = format!("<Error><Code>{code}</Code><Message>Maximum sending rate exceeded.</Message></Error>");
        Some(Reply::text(status, format!("<ErrorResponse>{error}</ErrorResponse>")))
    }
}
