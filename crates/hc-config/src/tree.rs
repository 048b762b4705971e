//! A config as it was written: text, lists and maps with their places. What the text means is the reader's business.

use std::sync::Arc;

use crate::place::Place;

/// A value. Cheap to clone, so that an alias costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Arc<Value>,
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Scalar {
    /// Before variables are put in.
    pub(crate) text: String,
    /// Written without quotes: `yes`, `null` and `none` mean something.
    pub(crate) plain: bool,
    /// From a flag or an argument: `$` means itself.
    pub(crate) literal: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Arc<str>,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn literal(text: &str, place: Place) -> Self {
        let scalar = Scalar {
            text: text.to_owned(),
            plain: true,
            literal: true,
        };
        Self {
            place,
            value: Arc::new(Value::Scalar(scalar)),
        }
    }

    pub(crate) fn map(entries: Vec<Entry>, place: Place) -> Self {
        Self {
            place,
            value: Arc::new(Value::Map(entries)),
        }
    }

    /// Whether it is YAML's null: nothing, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        match &*self.value {
            Value::Scalar(scalar) => {
                scalar.plain
                    && !scalar.literal
                    && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The nodes of a list, or the node that is none. Taken apart, so that what was read makes room for what is made of it.
    pub(crate) fn into_list(self) -> Result<Vec<Self>, Self> {
        match Arc::try_unwrap(self.value) {
            Ok(Value::List(nodes)) => Ok(nodes),
            Ok(value) => Err(Self {
                place: self.place,
                value: Arc::new(value),
            }),
            // An alias has it too.
            Err(value) => match &*value {
                Value::List(nodes) => Ok(nodes.clone()),
                _ => Err(Self {
                    place: self.place,
                    value,
                }),
            },
        }
    }

    /// The entries of a map, or the node that is none.
    pub(crate) fn into_map(self) -> Result<Vec<Entry>, Self> {
        match Arc::try_unwrap(self.value) {
            Ok(Value::Map(entries)) => Ok(entries),
            Ok(value) => Err(Self {
                place: self.place,
                value: Arc::new(value),
            }),
            Err(value) => match &*value {
                Value::Map(entries) => Ok(entries.clone()),
                _ => Err(Self {
                    place: self.place,
                    value,
                }),
            },
        }
    }

    /// The text, if it is one.
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &*self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// `a list`, `a map`: what is found where text was wanted.
    pub(crate) fn noun(&self) -> &'static str {
        match &*self.value {
            Value::Scalar(_) if self.is_null() => "nothing",
            Value::Scalar(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
