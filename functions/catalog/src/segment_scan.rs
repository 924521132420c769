//! Passes over the recipients table for one audience: a sample of scan segments, or all people in steps that continue
//! where an earlier one ended.
//!
//! A scan segment is one part of DynamoDB's parallel Scan. It has nothing to do with segments of people.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use delivery::unreachable_channels;
use domain::NotificationType;
use domain::channel::Channel;
use domain::channel::country::CountryCode;
use domain::recipient::Recipient;
use domain::settings::Settings;
use platform::random;
use segments::{Estimate, Filter, Person, SegmentSample, is_usable};
use store::{Histories, HistoryReader, PeoplePage, RecipientsStore, ScanPosition, StoreError};

/// Number of people up to which a table is read whole at once.
const SMALL_TABLE_ITEMS: i32 = 1_000;
/// Number of scan segments of a sample.
const SAMPLED_SCAN_SEGMENTS: i32 = 16;
/// Number of scan segments of the first sample. In a table of a million people, each holds some 250.
const FIRST_SCAN_SEGMENTS: i32 = 4_096;
/// Number of people that a sample should hold, and with which it is large enough.
const WANTED_PEOPLE: u64 = 3_000;
const ENOUGH_PEOPLE: u64 = 800;
/// Number of scan segments of an exact count, and how many are read at once.
const EXACT_SCAN_SEGMENTS: i32 = 64;
const MAX_CONCURRENT_READS: usize = 8;

/// People that are counted.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Filter without references.
    pub filter: Filter,
    /// Type of notification that they would get.
    pub kind: Option<NotificationType>,
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// Country of the sender.
    pub home_country: CountryCode,
    /// Time of the evaluation.
    pub now: Timestamp,
    /// Reads the histories of people, if the filter names campaigns.
    pub histories: Option<HistoryReader>,
}

/// Counts of one scan segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceCounts {
    people: u64,
    matches: u64,
    push: u64,
    email: u64,
    sms: u64,
    no_channel: u64,
    opted_out: u64,
    malformed: u64,
}

/// Progress in one scan segment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SegmentProgress {
    tally: AudienceCounts,
    after: Option<ScanPosition>,
    done: bool,
}

/// Result of a pass: the counts of the scan segments that were read, and the number of all.
#[derive(Debug)]
pub struct ScannedAudience {
    tallies: Vec<AudienceCounts>,
    segments: i32,
}

impl Audience {
    /// Returns the people who belong to the audience.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn members<'p>(&self, people: &'p [Recipient]) -> Result<Vec<&'p Recipient>, StoreError> {
        let histories = match &self.histories {
            Some(reader) => reader.of_filter(&self.filter, self.now, people).await?,
            None => Histories::default(),
        };
        let person = |recipient| Person { recipient, now: self.now, history: histories.of(recipient) };
        Ok(people.iter().filter(|recipient| self.filter.matches(person(recipient))).collect())
    }

    async fn add(&self, page: &PeoplePage, tally: &mut AudienceCounts) -> Result<(), StoreError> {
        let members = self.members(&page.people).await?;
        tally.malformed += page.malformed as u64;
        tally.people += page.people.len() as u64;
        for recipient in members {
            tally.matches += 1;
            if self.is_opted_out(recipient) {
                tally.opted_out += 1;
                continue;
            }
            let unreachable = unreachable_channels(Some(recipient), &self.settings.sms, self.home_country, self.now);
            let reaches = |channel: Channel, count: &mut u64| {
                let is_reachable = match &self.kind {
                    Some(kind) => {
                        kind.channels.contains(&channel) && recipient.reachable_on(channel, &kind.id, &kind.rules)
                    }
                    None => is_usable(recipient, channel, self.now),
                };
                let is_reachable = is_reachable && !unreachable.contains(&channel);
                *count += u64::from(is_reachable);
                is_reachable
            };
            let reached = [
                reaches(Channel::Push, &mut tally.push),
                reaches(Channel::Email, &mut tally.email),
                reaches(Channel::Sms, &mut tally.sms),
            ];
            tally.no_channel += u64::from(reached == [false; 3]);
        }
        Ok(())
    }

    fn is_opted_out(&self, recipient: &Recipient) -> bool {
        let choices = &recipient.preferences.choices;
        self.kind.as_ref().is_some_and(|kind| !choices.allow_type(&kind.id, &kind.channels, &kind.rules))
    }

    /// Reads a sample. The size of the table is not known, so a sample that holds too few people is followed by one of
    /// larger scan segments; a small table is read whole.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
    pub async fn scanned(&self, recipients: &RecipientsStore) -> Result<ScannedAudience, StoreError> {
        let look = recipients.people(0, 1, None, Some(SMALL_TABLE_ITEMS)).await?;
        if look.next.is_none() {
            let mut tally = AudienceCounts::default();
            self.add(&look, &mut tally).await?;
            return Ok(ScannedAudience { tallies: vec![tally], segments: 1 });
        }
        let mut segments = FIRST_SCAN_SEGMENTS;
        loop {
            let reads = random::some_of(segments, SAMPLED_SCAN_SEGMENTS as usize)
                .into_iter()
                .map(|segment| self.whole(recipients, segment, segments));
            let tallies: Vec<AudienceCounts> =
                futures_util::stream::iter(reads).buffer_unordered(MAX_CONCURRENT_READS).try_collect().await?;
            let people: u64 = tallies.iter().map(|tally| tally.people).sum();
            if people >= ENOUGH_PEOPLE || segments <= SAMPLED_SCAN_SEGMENTS {
                return Ok(ScannedAudience { tallies, segments });
            }
            segments = larger(segments, people);
        }
    }

    async fn whole(
        &self,
        recipients: &RecipientsStore,
        segment: i32,
        segments: i32,
    ) -> Result<AudienceCounts, StoreError> {
        let (mut tally, mut after) = (AudienceCounts::default(), None);
        loop {
            let page = recipients.people(segment, segments, after.as_ref(), None).await?;
            self.add(&page, &mut tally).await?;
            after = page.next;
            if after.is_none() {
                return Ok(tally);
            }
        }
    }

    /// Continues an exact count until all people are counted or `until` has passed. A scan segment whose read fails
    /// stays where it is.
    pub async fn continue_count(&self, recipients: &RecipientsStore, progress: &mut [SegmentProgress], until: Instant) {
        let open = progress.iter_mut().enumerate().filter(|(_, one)| !one.done);
        let reads = open.map(async |(segment, one)| {
            while !one.done && Instant::now() < until {
                let segment = i32::try_from(segment).unwrap_or(i32::MAX);
                let read = recipients.people(segment, EXACT_SCAN_SEGMENTS, one.after.as_ref(), None).await;
                let counted = match read {
                    Ok(page) => self.add(&page, &mut one.tally).await.map(|()| page),
                    Err(error) => Err(error),
                };
                match counted {
                    Ok(page) => {
                        one.done = page.next.is_none();
                        one.after = page.next;
                    }
                    Err(error) => {
                        tracing::warn!(%error, segment, "failed to read people; the next request continues");
                        return;
                    }
                }
            }
        });
        futures_util::stream::iter(reads).buffer_unordered(MAX_CONCURRENT_READS).collect::<Vec<()>>().await;
    }
}

/// Returns the number of scan segments of the next sample, after one that held too few people.
fn larger(segments: i32, people: u64) -> i32 {
    let wanted = u64::try_from(segments).unwrap_or(1) * people / WANTED_PEOPLE;
    let wanted = i32::try_from(wanted).unwrap_or(SAMPLED_SCAN_SEGMENTS).min(segments / 2);
    // A table of which nearly half would be read is read whole.
    if wanted <= 2 * SAMPLED_SCAN_SEGMENTS { SAMPLED_SCAN_SEGMENTS } else { wanted }
}

/// Returns the beginning of an exact count.
pub fn new_progress() -> Vec<SegmentProgress> {
    vec![SegmentProgress::default(); EXACT_SCAN_SEGMENTS as usize]
}

/// Returns the number of scan segments that are counted.
pub fn done(progress: &[SegmentProgress]) -> usize {
    progress.iter().filter(|one| one.done).count()
}

impl ScannedAudience {
    /// Returns the result of an exact count that is done.
    pub fn whole(progress: &[SegmentProgress]) -> Self {
        Self { tallies: progress.iter().map(|one| one.tally).collect(), segments: EXACT_SCAN_SEGMENTS }
    }

    /// Returns the response.
    pub fn to_json(&self) -> Value {
        let estimate = |count: fn(&AudienceCounts) -> u64| {
            let sample = |tally: &AudienceCounts| SegmentSample { people: tally.people, matches: count(tally) };
            let samples: Vec<_> = self.tallies.iter().map(sample).collect();
            Estimate::of(&samples, u64::try_from(self.segments).unwrap_or(1))
        };
        let sum = |count: fn(&AudienceCounts) -> u64| self.tallies.iter().map(count).sum::<u64>();
        json!({
            "people": estimate(|tally| tally.matches),
            "reachable": {
                "push": estimate(|tally| tally.push),
                "email": estimate(|tally| tally.email),
                "sms": estimate(|tally| tally.sms),
            },
            "skipped": {
                "no_channel": estimate(|tally| tally.no_channel),
                "opted_out": estimate(|tally| tally.opted_out),
            },
            "read": {
                "people": sum(|tally| tally.people),
                "malformed": sum(|tally| tally.malformed),
                "segments": self.tallies.len(),
                "of_segments": self.segments,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_grow_until_the_sample_is_large_enough_or_the_table_is_read_whole() {
        assert_eq!(larger(4_096, 0), 16);
        assert_eq!(larger(4_096, 400), 546);
        assert_eq!(larger(4_096, 780), 1_064);
        assert_eq!(larger(40, 700), 16);
    }
}
