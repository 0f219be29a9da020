//! The caches, and the stores that are built on them.

mod redis;
