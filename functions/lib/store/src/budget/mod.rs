//! Reservations of money in the control table. Money is reserved before each paid call, and released if the call costs
//! nothing.
//!
//! ```text
//! pk    budget#2026-11-23                               a UTC day
//! day   all channels    h10   of the hour from 10:00    sms   SMS alone    type#<TYPE>   that type alone
//!
//! pk    budget#2026-11                                  a UTC month
//! month all channels
//! ```
//!
//! One transaction stores the notification's claim, adds the price to these sums and counts the recipient's SMS. Each
//! addition has the condition that the sum stays within its ceiling. Concurrent senders therefore cannot exceed a
//! ceiling, and a claim without its reservation cannot exist. A day's item stays within 1 KB for about 20 types with a
//! budget of their own.
//!
//! Transactions on the same item conflict. A transaction that is cancelled for this reason is retried a few times. If
//! it still conflicts, nothing is written and [`ReserveResult::Contended`] is returned.

mod period_sums;
mod usage;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::StoreError;
use super::transaction::{CommitResult, commit};
use domain::budget::{Ceiling, Limit, Reservation, SpentAmounts};
use period_sums::PeriodSums;

/// Maximum number of tries to reserve if other transactions conflict.
const TRIES_TO_RESERVE: u32 = 8;
/// Maximum number of tries to release if other transactions conflict.
const TRIES_TO_RELEASE: u32 = 6;

/// Store of reserved sums in the control table.
#[derive(Debug, Clone)]
pub struct BudgetStore {
    client: DynamoClient,
    table: String,
}

/// Result of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveResult {
    /// The claim is stored and the money is reserved.
    Reserved,
    /// The price exceeds this ceiling. Nothing was written.
    Exceeded(Ceiling),
    /// Too many transactions conflicted. Nothing was written.
    Contended,
}

impl BudgetStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores `claim`, reserves the money and counts the SMS (`cap`) in one transaction.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if the condition of the claim does not hold. After any other error the
    /// transaction may be stored.
    pub async fn reserve(
        &self,
        claim: Put,
        cap: Option<Update>,
        reservation: &Reservation,
        limits: &[Limit],
    ) -> Result<ReserveResult, StoreError> {
        let sums = PeriodSums::all_of(reservation, limits);
        let mut items = vec![TransactWriteItem::builder().put(claim).build()];
        for sum in &sums {
            items.push(TransactWriteItem::builder().update(sum.addition(&self.table)?).build());
        }
        items.extend(cap.map(|cap| TransactWriteItem::builder().update(cap).build()));
        Ok(match Box::pin(commit(&self.client, &items, TRIES_TO_RESERVE)).await? {
            CommitResult::Committed => ReserveResult::Reserved,
            CommitResult::Contended => ReserveResult::Contended,
            CommitResult::ConditionFailed { part: 0, .. } => {
                return Err(StoreError::ConditionFailed { call: "TransactWriteItems" });
            }
            CommitResult::ConditionFailed { part, item } => match sums.get(part - 1) {
                Some(sum) => ReserveResult::Exceeded(sum.exceeded(item.as_ref())),
                None => ReserveResult::Exceeded(Ceiling::SmsRecipient),
            },
        })
    }

    /// Releases money that was not spent, in the periods of its reservation. `cap` decrements the recipient's count of
    /// SMS. After a failure the sums stay too high until their period ends, never too low.
    pub async fn release(&self, reservation: &Reservation, cap: Option<Update>) {
        let released = match self.try_release(reservation, cap).await {
            // A recipient who was erased meanwhile has no count.
            Ok(CommitResult::ConditionFailed { part, .. }) if part == PeriodSums::all_of(reservation, &[]).len() => {
                self.try_release(reservation, None).await
            }
            other => other,
        };
        let (price_micros, channel) = (reservation.price_micros, reservation.channel);
        match released {
            Ok(CommitResult::Committed) => {}
            Ok(_) => tracing::warn!(%channel, price_micros, "failed to release reserved money"),
            Err(error) => tracing::warn!(%error, %channel, price_micros, "failed to release reserved money"),
        }
    }

    async fn try_release(&self, reservation: &Reservation, cap: Option<Update>) -> Result<CommitResult, StoreError> {
        let mut items = Vec::new();
        for sum in PeriodSums::all_of(reservation, &[]) {
            items.push(TransactWriteItem::builder().update(sum.subtraction(&self.table)?).build());
        }
        items.extend(cap.map(|cap| TransactWriteItem::builder().update(cap).build()));
        Box::pin(commit(&self.client, &items, TRIES_TO_RELEASE)).await
    }

    /// Returns the money reserved or spent in the present hour, day and month (UTC), with one read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn used(&self, now: Timestamp) -> Result<SpentAmounts, StoreError> {
        usage::read(&self.client, &self.table, now).await
    }
}

#[cfg(test)]
mod tests;
