//! Shapes of values: a text or a number, or a list or an object with the shape of its items.

use crate::variables::{VariableKind, VariableSchema};

/// Everything that is known of a value before a source is rendered.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueShape<'s> {
    /// No value: nothing gives one to the name.
    Missing,
    /// Text, number, boolean or none.
    Scalar,
    /// List or object of a message's variables.
    Declared(&'s VariableKind),
    /// List or object that the source builds, or a part of one.
    Built {
        /// Shape of all items or values.
        items: Box<Self>,
        /// Nesting, with this one.
        depth: usize,
    },
    /// Text or number in one branch, and a list or an object in another.
    Mixed {
        /// Largest nesting.
        depth: usize,
    },
}

impl<'s> ValueShape<'s> {
    /// Returns the shape of a variable.
    pub const fn of(kind: &'s VariableKind) -> Self {
        match kind {
            VariableKind::Object { .. } | VariableKind::Array(_) => Self::Declared(kind),
            VariableKind::Text(_) | VariableKind::Number | VariableKind::Boolean => Self::Scalar,
        }
    }

    /// Returns the shape of a list or an object with these items.
    pub fn built(items: Self, depth: usize) -> Self {
        Self::Built { items: Box::new(items), depth }
    }

    /// Returns the nesting of lists and objects: 0 for texts and numbers.
    pub fn depth(&self) -> usize {
        match self {
            Self::Missing | Self::Scalar => 0,
            Self::Declared(kind) => depth_of(kind),
            Self::Built { depth, .. } | Self::Mixed { depth } => *depth,
        }
    }

    /// Returns `true` for a value that is a list or an object in any case.
    pub const fn is_collection(&self) -> bool {
        matches!(self, Self::Declared(_) | Self::Built { .. })
    }

    /// Returns the shape of a value that has one of two shapes.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Missing, shape) | (shape, Self::Missing) => shape,
            (left, right) if left == right => left,
            (left, right) if left.is_collection() && right.is_collection() => {
                let depth = left.depth().max(right.depth());
                Self::built(left.items_or_values().or(right.items_or_values()), depth)
            }
            (left, right) => Self::Mixed { depth: left.depth().max(right.depth()) },
        }
    }

    /// Returns the shape of the items of a list, of the names of an object, or of the letters of a text.
    pub fn items(&self) -> Self {
        match self {
            Self::Declared(VariableKind::Object { .. }) => Self::Scalar,
            // It may be an object too, whose names are texts.
            Self::Built { items, .. } if **items == Self::Missing => Self::Missing,
            shape => shape.items_or_values(),
        }
    }

    /// Returns the shape of the items of a list, or of the values of an object.
    pub fn items_or_values(&self) -> Self {
        match self {
            Self::Missing => Self::Missing,
            Self::Scalar => Self::Scalar,
            Self::Declared(VariableKind::Array(item)) => Self::of(&item.kind),
            Self::Declared(VariableKind::Object { properties, .. }) => {
                properties.values().fold(Self::Missing, |shape, field| shape.or(Self::of(&field.kind)))
            }
            Self::Declared(_) => Self::Scalar,
            Self::Built { items, .. } => (**items).clone(),
            Self::Mixed { depth } => Self::Mixed { depth: *depth },
        }
    }

    /// Returns the shape of a property of an object.
    pub fn property(&self, name: &str) -> Self {
        match self {
            Self::Declared(VariableKind::Object { properties, .. }) => {
                properties.get(name).map_or(Self::Missing, |field: &VariableSchema| Self::of(&field.kind))
            }
            Self::Declared(_) | Self::Missing => Self::Missing,
            Self::Scalar => Self::Scalar,
            shape => shape.items_or_values(),
        }
    }
}

fn depth_of(kind: &VariableKind) -> usize {
    match kind {
        VariableKind::Array(item) => 1 + depth_of(&item.kind),
        VariableKind::Object { properties, .. } => {
            1 + properties.values().map(|field| depth_of(&field.kind)).max().unwrap_or(0)
        }
        VariableKind::Text(_) | VariableKind::Number | VariableKind::Boolean => 0,
    }
}
