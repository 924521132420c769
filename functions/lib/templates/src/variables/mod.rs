//! Variables of a template: their schema, and the values of one message.

mod parse;
mod schema;
mod values;

pub use schema::{TextFormat, VariableKind, VariableSchema, Variables};
pub use values::{ValueErrors, VariableValues, cleaned_uri};

/// Names of the links that the service itself provides.
pub const SERVICE_VARIABLES: [&str; 2] = ["unsubscribe_url", "preferences_url"];
