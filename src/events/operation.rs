//! [`Operation`]: what a store is asked to do.

/// The operations of a store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Load,
    Create,
    Save,
    Touch,
    Cycle,
    Delete,
    Exists,
    ClearExpired,
}
