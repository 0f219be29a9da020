//! For tests of stores and applications.
