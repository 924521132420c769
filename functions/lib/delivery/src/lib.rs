//! Delivery of a notification: gates, escalation policy, senders, circuit breakers and due work.
//!
//! [`DeliveryEngine::start`] and [`DeliveryEngine::advance`] make the attempts of one notification:
//! [`EscalationPolicy::next_step`] decides, and the engine carries the step out. [`Sweeper`] resumes what is due.

mod admission;
mod allowance;
mod assembly;
pub mod breakers;
mod campaign_states;
mod cap_gate;
mod chains;
mod claim;
mod compose_error;
pub mod config;
mod engine;
mod escalation;
mod gate_inputs;
mod gate_result;
mod gates;
mod job;
mod link_limits;
mod links;
mod message;
mod message_preview;
mod paid_send;
mod persistence;
mod pre_send_check;
mod provider_alarm;
mod push_send;
mod quiet_gate;
mod reachability;
mod senders;
mod stores;
mod sweeper;
mod template_cache;
mod template_text;
mod token;
mod topic_order;

pub use allowance::{Allowance, hard_deadline, invocation_end, time_left};
pub use assembly::{DeliveryConfig, start_engine};
pub use chains::chains;
pub use compose_error::ComposeError;
pub use engine::{CONCURRENCY, DeliveryEngine};
pub use escalation::{EscalationPolicy, Step};
pub use gate_inputs::GateInputs;
pub use gate_result::{GateAnswer, GateResult, GateVerdict};
pub use gates::{evaluate_gates, explain_gates};
pub use job::{FirstResult, Job, ResultStorage, TopicKey};
pub use link_limits::{LinkLengthError, LinkLimits};
pub use links::{BaseUrlError, Links, PublicBaseUrl, PushLinks, has_token, with_token};
pub use message::{Addressee, Composer, PaidMessage, push_content_error, push_message};
pub use message_preview::{preview_paid, preview_push};
pub use paid_send::PaidSender;
pub use reachability::{UnreachableReason, unreachable_channels, unreachable_reason};
pub use senders::Senders;
pub use stores::Stores;
pub use sweeper::{ResumeResult, SweepCounts, Sweeper};
pub use template_cache::{DRAFT, TemplateCache};
pub use template_text::{TemplateText, channels_with_text, locale_of};
pub use token::{LinkAction, TOKEN_CHARS, TokenError, TokenKeys};
