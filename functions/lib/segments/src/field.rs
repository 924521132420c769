//! Fields of a recipient that a condition may name.

use domain::CampaignId;
use domain::channel::Channel;
use jiff::Timestamp;

/// A field of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// An attribute that the caller chose, by its name; below an object, by the names with points between.
    Attribute(String),
    /// Language tag of the profile.
    Locale,
    /// Primary language of the locale, in lower case.
    Language,
    /// Time zone, as an IANA name.
    TimeZone,
    /// `true` if the channel has an address that is not suppressed, and the recipient did not refuse the channel.
    Has(Channel),
    /// Number of devices.
    DeviceCount,
    /// Time at which the recipient was created.
    CreatedAt,
    /// Time of the last change of the profile.
    UpdatedAt,
    /// Time of the last receipt or click, with a precision of a day.
    LastEngagedAt,
    /// Names of the types that the recipient has refused.
    OptedOutOf,
    /// Number from 0 to 9,999 that the recipient's id and a salt determine.
    Bucket,
    /// Outcome of the recipient's notification of an earlier campaign.
    Campaign(CampaignId),
    /// Another segment.
    Segment,
}

/// Kind of a field's values, which decides the operators that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Any JSON value.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A time.
    Time,
    /// A list of names.
    Names,
    /// See [`Field::Campaign`].
    Campaign,
    /// See [`Field::Bucket`].
    Bucket,
    /// See [`Field::Segment`].
    Segment,
}

impl Field {
    /// Names of the fields, as a problem lists them.
    pub(crate) const NAMES: &'static str = "attributes.<name>, locale, language, time_zone, has.push, has.email, has.sms, \
         devices.count, created_at, updated_at, last_engaged_at, opted_out_of, bucket, campaign.<id> or segment";

    /// Parses the name of a field; returns `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(attribute) = name.strip_prefix("attributes.") {
            return (!attribute.is_empty()).then(|| Self::Attribute(attribute.to_owned()));
        }
        if let Some(campaign) = name.strip_prefix("campaign.") {
            return CampaignId::parse(campaign).map(Self::Campaign);
        }
        Some(match name {
            "locale" => Self::Locale,
            "language" => Self::Language,
            "time_zone" => Self::TimeZone,
            "has.push" => Self::Has(Channel::Push),
            "has.email" => Self::Has(Channel::Email),
            "has.sms" => Self::Has(Channel::Sms),
            "devices.count" => Self::DeviceCount,
            "created_at" => Self::CreatedAt,
            "updated_at" => Self::UpdatedAt,
            "last_engaged_at" => Self::LastEngagedAt,
            "opted_out_of" => Self::OptedOutOf,
            "bucket" => Self::Bucket,
            "segment" => Self::Segment,
            _ => return None,
        })
    }

    /// Returns the time from which a relative time counts back. A campaign decides as of its launch, and a person may
    /// be active after it: then the activity is within any time. A later time of another field is in the future.
    pub(crate) fn as_of(&self, value: Option<Timestamp>, now: Timestamp) -> Timestamp {
        match self {
            Self::UpdatedAt | Self::LastEngagedAt => value.map_or(now, |at| at.max(now)),
            _ => now,
        }
    }

    /// Returns the kind of the field's values.
    #[must_use]
    pub(crate) const fn kind(&self) -> FieldKind {
        match self {
            Self::Attribute(_) => FieldKind::Any,
            Self::Locale | Self::Language | Self::TimeZone => FieldKind::Text,
            Self::Has(_) => FieldKind::Flag,
            Self::DeviceCount => FieldKind::Number,
            Self::CreatedAt | Self::UpdatedAt | Self::LastEngagedAt => FieldKind::Time,
            Self::OptedOutOf => FieldKind::Names,
            Self::Campaign(_) => FieldKind::Campaign,
            Self::Bucket => FieldKind::Bucket,
            Self::Segment => FieldKind::Segment,
        }
    }
}

impl FieldKind {
    /// Returns the operators that a field of this kind takes.
    pub(crate) const fn operators(self) -> &'static [&'static str] {
        match self {
            Self::Any => &[
                "eq",
                "ne",
                "in",
                "not_in",
                "lt",
                "lte",
                "gt",
                "gte",
                "exists",
                "missing",
                "contains",
                "starts_with",
                "before",
                "after",
                "within_last",
                "not_within_last",
            ],
            Self::Text => &["eq", "ne", "in", "not_in", "exists", "missing", "contains", "starts_with"],
            Self::Number => &["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"],
            Self::Flag => &["eq", "ne"],
            Self::Time => &["exists", "missing", "before", "after", "within_last", "not_within_last"],
            Self::Names => &["exists", "missing", "contains"],
            Self::Campaign => &["eq", "ne", "in", "not_in", "exists", "missing"],
            Self::Bucket => &["in"],
            Self::Segment => &["eq", "ne"],
        }
    }
}
