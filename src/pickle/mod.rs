//! Python's pickles, data only: a bounded reader of protocols 0 to 5 and a writer of protocol 4 (feature `pickle`).
//!
//! A pickle is a program for a small stack machine whose programs may call anything in Python. Here there is
//! nothing to call: the few constructors of dates, decimals, sets and UUIDs are known by name, and everything
//! else is an error. Nothing recurses, and what is read costs memory in proportion to its size.
//!
//! Between the two an unpickled value is a [`Tape`]: one run of bytes, in which each container stands before its
//! items. Copying, comparing and dropping it are those of bytes.

mod cursor;
pub(crate) use cursor::Cursor;
mod convert;
mod dates;
mod de;
pub(crate) use de::from_tape;
mod decimal;
mod error;
pub use error::PickleError;
mod float;
mod int;
mod json;
pub(crate) use json::from_json;
mod reader;
pub(crate) use reader::{Bounds, read};
mod tape;
pub(crate) use tape::{Kind, Tape, Token};
mod to_json;
pub(crate) use to_json::{to_json, to_nearest_json};
mod value;
pub use value::PickledValue;
mod writer;
pub(crate) use writer::write;
mod wtf8;
