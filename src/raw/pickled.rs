//! The values that JSON has no word for.

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use super::{Raw, Stored};
use crate::pickle::{self, PickleError, PickledValue, Tape};

/// A value, and its JSON text once somebody asked for it.
pub(super) struct Pickled {
    tape: Tape,
    nearest: OnceLock<String>,
}

impl Pickled {
    pub(super) fn nearest_json(&self) -> &str {
        self.nearest.get_or_init(|| pickle::to_nearest_json(&self.tape))
    }

    pub(super) fn get<T: DeserializeOwned>(&self) -> Option<T> {
        pickle::from_tape(&self.tape).ok()
    }

    pub(super) fn size(&self) -> usize {
        self.tape.len()
    }
}

impl PartialEq for Pickled {
    fn eq(&self, other: &Self) -> bool {
        self.tape == other.tape
    }
}

impl Raw {
    /// The value where JSON has no word for it, like a date, bytes or a tuple (feature `pickle`); `None` where the value
    /// is JSON.
    ///
    /// [`get`](Self::get) reads such values, too: bytes as bytes or numbers; a tuple or a set as a sequence; a date, a
    /// time, a decimal or a UUID as the text that Python's `isoformat` or `str` makes of it; a `timedelta` as its
    /// seconds; an integer as any type that holds it.
    #[must_use]
    pub fn pickled(&self) -> Option<PickledValue> {
        self.tape().map(PickledValue::from)
    }

    /// A value of a pickle: text where JSON holds it exactly.
    pub(crate) fn of_tape(tape: Tape) -> Self {
        let mut json = String::new();
        match pickle::to_json(&tape, &mut json, usize::MAX) {
            true => Self(Stored::Json { range: 0..json.len(), text: json.into() }),
            false => Self::pickle(tape),
        }
    }

    /// A value of a pickle that stays one.
    pub(crate) fn pickle(tape: Tape) -> Self {
        Self(Stored::Pickled(Arc::new(Pickled { tape, nearest: OnceLock::new() })))
    }

    pub(crate) fn tape(&self) -> Option<&Tape> {
        match &self.0 {
            Stored::Json { .. } => None,
            Stored::Pickled(pickled) => Some(&pickled.tape),
        }
    }
}

/// For [`insert_raw`](crate::Session::insert_raw): how a date, bytes or a tuple get into a session. A value that JSON
/// holds exactly becomes JSON. The error is for what Python could not make, and for nesting more than 64 deep.
impl TryFrom<PickledValue> for Raw {
    type Error = PickleError;

    fn try_from(value: PickledValue) -> Result<Self, PickleError> {
        Tape::try_from(&value).map(Self::of_tape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_json_is_no_larger_for_those_that_are_not() {
        assert_eq!(size_of::<Raw>(), size_of::<(Arc<str>, std::ops::Range<usize>)>());
    }
}
