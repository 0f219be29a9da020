//! How much memory reading takes.

use jam_session::{Limits, PickleError, PickleSerializer, Serializer as _, SessionData, StoreError};

/// Bytes of memory for each byte of a pickle, at most, ...
const FOR_EACH_BYTE: u64 = 64;
/// ... and for each byte that a session may have.
const FOR_EACH_BYTE_ALLOWED: u64 = 16;

/// Reads, and fails when that takes more memory at its height than is promised.
pub(crate) fn loads_within_bounds(pickle: &[u8], limits: Limits) -> Result<SessionData, StoreError> {
    let mut outcome = Err(StoreError::KeyTaken);
    let used = allocation_counter::measure(|| outcome = PickleSerializer { limits }.loads(pickle)).bytes_max;
    let bound = 4096 + FOR_EACH_BYTE * pickle.len() as u64 + FOR_EACH_BYTE_ALLOWED * limits.stored_bytes as u64;
    assert!(used <= bound, "{} bytes of pickle took {used} bytes, more than {bound}", pickle.len());
    outcome
}

/// What was used at its height.
pub(crate) fn peak(pickle: &[u8]) -> u64 {
    allocation_counter::measure(|| drop(PickleSerializer::default().loads(pickle))).bytes_max
}

/// Why a pickle was not read.
pub(crate) fn refused(pickle: &[u8]) -> PickleError {
    let outcome = loads_within_bounds(pickle, Limits::default());
    let Err(StoreError::Undecodable(why)) = outcome else { panic!("it was read, or {:?}", outcome.err()) };
    why.downcast_ref::<PickleError>().expect("its cause is typed").clone()
}
