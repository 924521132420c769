//! Reasons for which a message was not composed.

use domain::notification::Reason;
use platform::problem::FieldError;
use templates::{RenderErrors, SERVICE_VARIABLES, ValueErrors};

/// Reason for which a message was not composed. None repeats a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComposeError {
    /// The recipient has no address on the channel.
    NoAddress,
    /// The version does not exist, or this release cannot read it.
    NoTemplate,
    /// The template has no text for the channel.
    NoPart,
    /// These variables are missing.
    Missing(Vec<String>),
    /// Values of the variables are not of the kinds that the template declares.
    WrongValues(Vec<FieldError>),
    /// The text is longer than the channel allows.
    TooLong,
    /// The template cannot be rendered with the values.
    NotRendered(FieldError),
}

impl ComposeError {
    /// Returns the reason with which the notification ends if no other channel is left.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::NoAddress | Self::NoPart => Reason::NoChannel,
            Self::Missing(_) => Reason::MissingVariable,
            Self::TooLong => Reason::TooLong,
            Self::NoTemplate | Self::WrongValues(_) | Self::NotRendered(_) => Reason::TemplateError,
        }
    }

    /// Returns one error for each field of the request.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        let of_template = |message: &str| vec![FieldError::new("template", message)];
        match self {
            Self::NoAddress | Self::NoPart => of_template("has no text for the channel"),
            Self::NoTemplate => of_template("cannot be used: the version does not exist or cannot be read"),
            Self::Missing(names) => {
                let (links, names): (Vec<_>, Vec<_>) =
                    names.into_iter().partition(|name| SERVICE_VARIABLES.contains(&name.as_str()));
                let of_service = links.into_iter().map(|name| {
                    FieldError::new(
                        "template",
                        format!(
                            "uses {name}, a link that the service makes only if the parameter public-base-url exists"
                        ),
                    )
                });
                let of_caller = ValueErrors { missing: names, errors: Vec::new() }.into_errors();
                of_caller.into_iter().chain(of_service).collect()
            }
            Self::WrongValues(errors) => errors,
            Self::TooLong => vec![FieldError::new("variables", "make the text longer than the channel allows")],
            Self::NotRendered(error) => {
                let place = error.field.trim_start_matches("parts.");
                vec![FieldError::new("variables", format!("do not fit the template: {place} {}", error.message))]
            }
        }
    }
}

impl From<ValueErrors> for ComposeError {
    fn from(problems: ValueErrors) -> Self {
        match problems {
            ValueErrors { missing, errors } if errors.is_empty() => Self::Missing(missing),
            both => Self::WrongValues(both.into_errors()),
        }
    }
}

impl From<RenderErrors> for ComposeError {
    fn from(errors: RenderErrors) -> Self {
        let missing = errors.missing();
        if missing.is_empty() {
            Self::NotRendered(errors.into_first().into_finding().into())
        } else {
            Self::Missing(missing)
        }
    }
}
