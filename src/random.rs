//! Random bytes, straight from the operating system: there is no seed of ours that could fail, be weak, or be copied
//! with a process or a virtual machine. A system that has none is an error, never a reason for a lesser source.

use rand::{TryRng as _, rngs::SysRng};

use crate::error::BoxError;

/// Fills what it is given.
pub(crate) type Source = fn(&mut [u8]) -> Result<(), BoxError>;

/// The operating system's [`Source`].
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), BoxError> {
    SysRng.try_fill_bytes(bytes).map_err(|error| error.to_string().into())
}

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], BoxError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A number between 0 and 1, for those who wait a while: without random bytes they wait half of it.
pub(crate) fn fraction() -> f64 {
    bytes().map_or(0.5, |bytes| f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
}
