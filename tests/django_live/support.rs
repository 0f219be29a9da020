//! What these tests have from those of `tests/it`.

#[path = "../it/support/databases.rs"]
#[expect(unused_macros, unused_imports, reason = "the macro there gives its cases a pool; here they get a site")]
pub(crate) mod databases;
#[path = "../it/support/django_databases.rs"]
pub(crate) mod django_databases;
#[path = "../it/support/python.rs"]
pub(crate) mod python;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
