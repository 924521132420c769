//! Money in the control table, set aside before each paid call and given back when it was not spent.
//!
//! ```text
//! pk    budget#2026-11-23                               a UTC day
//! day   all channels    h10   of the hour from 10:00    sms   SMS alone    type#<TYPE>   that type alone
//!
//! pk    budget#2026-11                                  a UTC month
//! month all channels
//! ```
//!
//! The claim of the notification, these sums and the recipient's count of SMS are one transaction, and each sum is added to on
//! the condition that its ceiling holds: of many senders at a ceiling none can overshoot it, and a claim without its money
//! cannot exist. A day's item stays within 1 KB for some 20 types that have a budget of their own.
//!
//! Transactions that touch the same item exclude each other. Who is refused for that tries again a few times, and is then told
//! so: nothing was written.

mod commit;
mod counters;
mod used;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::StoreError;
use commit::{Committed, commit};
use counters::Sum;
use domain::budget::{Ceiling, Limit, Reservation, Used};

/// How often setting aside is tried when others hold the same sums.
const TRIES_TO_RESERVE: u32 = 8;
/// How often giving back is.
const TRIES_TO_RELEASE: u32 = 6;

/// The adapter of the sums in the control table.
#[derive(Debug, Clone)]
pub struct BudgetStore {
    client: Client,
    table: String,
}

/// Whether a claim got its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The claim is stored and the money set aside.
    Yes,
    /// This ceiling stands in the way; nothing was written.
    No(Ceiling),
    /// Too many want the same sums at once; nothing was written.
    Busy,
}

impl BudgetStore {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores `claim`, sets the money aside and counts the SMS (`cap`), all or nothing.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when the claim itself was refused; others when DynamoDB does not answer: then it may be
    /// stored.
    pub async fn reserve(
        &self,
        claim: Put,
        cap: Option<Update>,
        reservation: &Reservation,
        limits: &[Limit],
    ) -> Result<Reserved, StoreError> {
        let sums = Sum::all_of(reservation, limits);
        let mut items = vec![TransactWriteItem::builder().put(claim).build()];
        for sum in &sums {
            items.push(TransactWriteItem::builder().update(sum.added_to(&self.table)?).build());
        }
        items.extend(cap.map(|cap| TransactWriteItem::builder().update(cap).build()));
        Ok(match Box::pin(commit(&self.client, &items, TRIES_TO_RESERVE)).await? {
            Committed::Yes => Reserved::Yes,
            Committed::Busy => Reserved::Busy,
            Committed::Refused { part: 0, .. } => {
                return Err(StoreError::ConditionFailed { call: "TransactWriteItems" });
            }
            Committed::Refused { part, item } => match sums.get(part - 1) {
                Some(sum) => Reserved::No(sum.exceeded(item.as_ref())),
                None => Reserved::No(Ceiling::SmsRecipient),
            },
        })
    }

    /// Gives money back that was not spent, where it was set aside; `cap` takes back the recipient's SMS. A failure keeps the
    /// sums too high until their period ends, never too low.
    pub async fn release(&self, reservation: &Reservation, cap: Option<Update>) {
        let released = match self.try_release(reservation, cap).await {
            // Somebody who was erased meanwhile has no count any more.
            Ok(Committed::Refused { part, .. }) if part == Sum::all_of(reservation, &[]).len() => {
                self.try_release(reservation, None).await
            }
            other => other,
        };
        let (price_micros, channel) = (reservation.price_micros, reservation.channel);
        match released {
            Ok(Committed::Yes) => {}
            Ok(_) => tracing::warn!(%channel, price_micros, "reserved money was not given back"),
            Err(error) => tracing::warn!(%error, %channel, price_micros, "reserved money was not given back"),
        }
    }

    async fn try_release(&self, reservation: &Reservation, cap: Option<Update>) -> Result<Committed, StoreError> {
        let mut items = Vec::new();
        for sum in Sum::all_of(reservation, &[]) {
            items.push(TransactWriteItem::builder().update(sum.taken_from(&self.table)?).build());
        }
        items.extend(cap.map(|cap| TransactWriteItem::builder().update(cap).build()));
        Box::pin(commit(&self.client, &items, TRIES_TO_RELEASE)).await
    }

    /// What is set aside or spent in the hour, day and month of UTC that `now` lies in: one read.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn used(&self, now: Timestamp) -> Result<Used, StoreError> {
        used::read(&self.client, &self.table, now).await
    }
}

#[cfg(test)]
mod tests;
