//! Time limits and margins of an invocation. The time-out of each function is in template.yaml; the limits fit into
//! it. Time-outs of a single call are with the component that makes the call.

use std::time::Duration;

use jiff::SignedDuration;

/// Maximum time that the first event of a process waits for the services to start.
pub const START_WAIT_LIMIT: Duration = Duration::from_secs(4);
/// Time at the end of an invocation that is reserved to store unfinished work and to respond.
pub const INVOCATION_END_MARGIN: Duration = Duration::from_secs(2);
/// Largest assumed difference between the clocks of two functions.
pub const CLOCK_SKEW_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// Largest accepted difference between the clocks of a caller and of this service, in a time that must not have passed.
pub const CALLER_CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Time within which `send` answers a single request.
pub const SINGLE_REQUEST_LIMIT: SignedDuration = SignedDuration::from_secs(8);
/// Time for which `send` processes a batch. The cascade function finishes the rest.
pub const BATCH_REQUEST_LIMIT: SignedDuration = SignedDuration::from_secs(20);
/// Part of a request's time in `send` that is reserved for reading, parsing and sending the response.
pub const TRANSFER_MARGIN: SignedDuration = SignedDuration::from_millis(500);
/// Extra time in `send` after a request's deadline, to look up the outcome or to store and release unfinished work.
pub const REQUEST_CLEANUP_LIMIT: Duration = Duration::from_secs(2);
/// Margin before the latest end of an invocation of `send`, including clock skew. The request is aborted this early so
/// that a 503 can still be returned. The margin applies only if the other deadlines fail.
pub const SEND_ABORT_MARGIN: SignedDuration = SignedDuration::from_millis(6_500);

/// Deadline of the AWS calls of every request to `recipients` except an erasure.
pub const RECIPIENTS_REQUEST_LIMIT: Duration = Duration::from_secs(8);
/// Time for which one request may process an erasure. Lambda stops the function after 20 s.
pub const ERASURE_REQUEST_LIMIT: Duration = Duration::from_secs(14);
/// Time at the end of a request in which an export of a recipient begins no further read of the history.
pub const EXPORT_END_MARGIN: Duration = Duration::from_secs(4);
/// Time within which a batch of recipients begins new items. The caller repeats the items that it did not reach.
pub const RECIPIENTS_BATCH_START_LIMIT: Duration = Duration::from_secs(9);
/// Deadline of the AWS calls of a batch of recipients. Lambda stops the function after 20 s.
pub const RECIPIENTS_BATCH_LIMIT: Duration = Duration::from_secs(14);
/// Deadline of the AWS calls of a request to `console`: API Gateway waits 30 s.
pub const CONSOLE_REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Deadline of the AWS calls of a request to `catalog` or `campaigns`: API Gateway waits 30 s.
pub const OPERATOR_REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Time for which one request continues a count of the people of segments.
pub const SEGMENT_COUNT_LIMIT: Duration = Duration::from_secs(10);
/// Time for which one request looks for a sample of a segment.
pub const SEGMENT_SAMPLE_LIMIT: Duration = Duration::from_secs(5);
/// Time for which one request reads people of a segment or of a campaign. The next page continues.
pub const PEOPLE_READ_LIMIT: Duration = Duration::from_secs(5);

/// Time for which a worker of `fanout` works on a task at a pace. The rest of the invocation is a reserve.
pub const PACED_TASK_LIMIT: Duration = Duration::from_secs(45);
/// Time for which a worker of `fanout` works on a page of people at a pace.
pub const PACED_PAGE_LIMIT: Duration = Duration::from_secs(20);

/// Time for which a run of `cascade` or `fanout` works on one notification.
pub const NOTIFICATION_WORK_LIMIT: SignedDuration = SignedDuration::from_secs(15);
/// Time at the end of an invocation of `cascade` or `fanout` in which no work on a notification continues.
pub const WORK_END_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// Time at the end of an invocation of `cleanup` that a pass leaves for calls in progress, the cursor and the response.
pub const CLEANUP_PASS_MARGIN: Duration = Duration::from_secs(15);
/// Deadline of the AWS calls of a request to `cleanup`: API Gateway waits 30 s.
pub const CLEANUP_REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// Period in which a pass that an operator requested starts new work. The rest of [`CLEANUP_REQUEST_LIMIT`] is for a
/// slow table.
pub const MANUAL_CLEANUP_PASS_LIMIT: Duration = Duration::from_secs(15);

/// Time for which a run of `rollup` tries to change the rollout.
pub const ROLLOUT_CHANGE_LIMIT: Duration = Duration::from_secs(30);
