//! Guides: for those who come from Django, and for those who come from tower-sessions.
//!
//! Their code is compiled with the tests, and they are files of the repository, too, below `docs/`.

// Their programs need these features; the documentation does not.
#[cfg_attr(
    any(not(doctest), all(feature = "axum", feature = "sqlite", feature = "signing", feature = "locmem", feature = "redis")),
    doc = include_str!("../docs/coming-from-django.md")
)]
pub mod coming_from_django {}

#[cfg_attr(
    any(not(doctest), all(feature = "axum", feature = "sqlite")),
    doc = include_str!("../docs/coming-from-tower-sessions.md")
)]
pub mod coming_from_tower_sessions {}
