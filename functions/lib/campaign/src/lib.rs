//! Campaigns: one message to many recipients, each at most once. Everything here is pure and takes `now`.
//!
//! ```text
//! draft ──► approved ──► scheduled ──► running ◄──► paused
//!                                         │
//!                                         ▼
//!                                     finishing ──► finished        cancelled: from any state that is not final
//! ```
//!
//! The recipients table divides the work. A [`CampaignTask`] is one scan segment of the table at one time, or 100 keys
//! of a list. The people of a filter are not listed anywhere. For lists of a caller, tests and samples, the recipients'
//! keyed hashes are stored for 180 days, never their ids. The id of a notification is derived from campaign and
//! recipient. So repeated work sends only once.

mod assignment;
mod audience;
mod campaign_audience;
mod definition;
mod dependencies;
mod guards;
mod launched_type;
mod local_time;
mod lost_tasks;
mod mail_pace;
mod message;
mod model;
mod new_values;
mod operator_kind;
mod paused_change;
mod provider_limit;
mod references;
mod release;
mod release_batches;
mod retry_assignment;
mod retry_selection;
mod retry_source;
mod slots;
mod state;
mod steps;
mod tally;
mod task;
mod test_phase;
mod totals;
mod two_people;
mod variants;
mod winner;

pub use assignment::{VariantAssignment, assign};
pub use audience::{AudienceKind, ListShare, OutcomeName, RecipientList, Selection};
pub use campaign_audience::{Assigned, CampaignAudience};
pub use definition::{CampaignDefinition, MAX_RECIPIENTS};
pub use dependencies::{DependencyFacts, dependency_failure, needs_breakers, spent_for_all_people};
pub use guards::{GuardCounts, Guards, OutcomeCounts, guard_violation};
pub use launched_type::rules_at_launch;
pub use local_time::{AtLocal, IfPassed, Timing};
pub use lost_tasks::PassRun;
pub use mail_pace::{MailPace, mails_left};
pub use message::NotificationContext;
pub use model::{Approval, Campaign, Launch, LaunchedMessage, Plan, StateConflictError, hash_of};
pub use new_values::check_new_values;
pub use operator_kind::OperatorKind;
pub use provider_limit::{ProviderLimit, ProviderLimitKind, interval_ms, paced_page, sms_pace};
pub use release::{ProviderPaces, ReleaseInput, ReleasedTasks, TaskRelease, finished_step, release};
pub use release_batches::ReleaseBatch;
pub use retry_assignment::{EarlierAssignment, RestAssignment};
pub use retry_selection::RetryOf;
pub use slots::{ClosedSlots, last_moment};
pub use state::{CampaignState, PauseReason};
pub use steps::{CampaignStep, StepCriteria};
pub use tally::{LOCAL_TIME_PASSED, PeopleTally, PersonOutcome, UNKNOWN_TYPE};
pub use task::{CampaignTask, MAX_TASKS, PlannedPerson, SpentBudget, TaskClaim, TaskMessage, TaskPass, WorkerMessage};
pub use test_phase::{TestMetric, TestPhase, Winner};
pub use totals::{CampaignTotals, TASK_RETENTION};
pub use variants::{CampaignMessage, CampaignTemplate, Variant};
pub use winner::{VariantResult, pick_winner};

pub use domain::CampaignId;
