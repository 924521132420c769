//! Escalation policy: selects the next step for a notification. It is pure, so every rule can be read and tested here.

mod channel_state;
mod policy;
mod push_rules;
mod step;

pub use policy::EscalationPolicy;
pub use step::Step;

#[cfg(test)]
mod tests;
