//! Outcomes of the people of one page, and their sums.

use campaign::{PeopleTally, PersonOutcome, PlannedPerson, TaskPass};
use domain::budget::Ceiling;
use domain::notification::Notification;
use domain::recipient::Recipient;
use store::StoreError;

use crate::plan::PlannedSend;

/// Numbers of a page, the position of the next page, and a few people of a plan.
pub type CountedPage = (PeopleTally, Option<serde_json::Value>, Vec<PlannedPerson>);

/// Result of a page.
#[derive(Debug, Default)]
pub struct PageResult {
    /// `None` if people are left.
    pub counted: Option<CountedPage>,
    /// `true` if messages to people of the page may have been sent.
    pub may_have_sent: bool,
    /// Spent budget, because of which no further person was processed.
    pub spent: Option<Ceiling>,
}

/// Outcome of a person, with the facts that are counted.
#[derive(Debug, Default)]
pub struct HandledPerson {
    /// Outcome; `None` if another task counts the person.
    pub outcome: Option<PersonOutcome>,
    /// Variant of the message.
    pub variant: String,
    /// Findings of a plan.
    pub planned: Option<PlannedSend>,
    /// Cost of the attempts.
    pub cost_micros: i64,
    /// Budget that was spent before the person could get a message.
    pub spent: Option<Ceiling>,
    /// `true` if the person is left for the next worker of the task.
    pub is_left: bool,
    /// Notification that is stored together with the others of the page.
    pub to_store: Option<Notification>,
}

impl HandledPerson {
    /// Creates the result for a person to whom nothing was sent now.
    pub fn nothing_sent(outcome: impl Into<Option<PersonOutcome>>) -> Self {
        Self { outcome: outcome.into(), ..Self::default() }
    }
}

/// Language and time zone of a person.
#[derive(Debug)]
pub struct LocaleAndZone {
    locale: Option<String>,
    time_zone: Option<String>,
}

impl LocaleAndZone {
    /// Returns the language and time zone of a recipient.
    pub fn of(recipient: &Recipient) -> Self {
        Self { locale: recipient.locale.clone(), time_zone: recipient.time_zone.clone() }
    }
}

/// Sums of a page. People are added one by one.
#[derive(Debug)]
pub struct PageSums {
    pass: TaskPass,
    tally: PeopleTally,
    planned: Vec<PlannedPerson>,
    /// Notifications that are stored together.
    pub to_store: Vec<Notification>,
    has_people_left: bool,
    failed: Option<StoreError>,
}

impl PageSums {
    /// Creates the sums of a page with these people already counted.
    pub const fn new(pass: TaskPass, tally: PeopleTally) -> Self {
        Self { pass, tally, planned: Vec::new(), to_store: Vec::new(), has_people_left: false, failed: None }
    }

    /// Adds a person; `None` is a person who was not started, or is left for the next worker.
    pub fn add(&mut self, handled: Result<Option<(HandledPerson, LocaleAndZone)>, StoreError>) {
        match handled {
            Ok(Some((person, group))) => self.add_person(person, &group),
            Ok(None) => self.has_people_left = true,
            Err(error) => self.failed = Some(error),
        }
    }

    fn add_person(&mut self, person: HandledPerson, group: &LocaleAndZone) {
        self.to_store.extend(person.to_store);
        let Some(outcome) = person.outcome else { return };
        self.tally.add(&outcome, &person.variant);
        self.tally.cost_micros += person.cost_micros;
        if let Some(planned) = person.planned {
            planned.add_costs(&mut self.tally);
            self.planned.extend(planned.person);
        }
        if let TaskPass::Plan(_) = self.pass {
            self.tally.add_locale_and_zone(group.locale.as_deref(), group.time_zone.as_deref());
        }
    }

    /// Returns the result of the page; `next` is the position of the next one.
    ///
    /// # Errors
    /// The last error of a person.
    pub fn result(self, next: Option<serde_json::Value>, spent: Option<Ceiling>) -> Result<PageResult, StoreError> {
        match self.failed {
            Some(error) => Err(error),
            None => {
                let counted = (!self.has_people_left).then_some((self.tally, next, self.planned));
                Ok(PageResult { counted, may_have_sent: true, spent })
            }
        }
    }
}
