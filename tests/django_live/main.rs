//! One session table that a real Django and this crate share, on each database and with each Django that is still
//! in use. Each test prints its figures in lines that begin with `django: `.
//!
//! The tests make the environments themselves, below `target/`, from `tests/django/requirements-*.txt`.

mod auth;
mod berlin;
mod clean_up;
mod django;
mod life;
mod local_time;
mod policies;
mod race;
mod random;
mod random_sessions;
mod site;
mod support;
mod texts;

use jam_session::Driver;
use site::{Site, Table};
use support::TestResult;

/// Django made the table, and most of what is in it.
async fn on_djangos_table<DB: Driver>(mut site: Site<DB>) -> TestResult {
    site.migrate(Table::Djangos).await?;
    life::of_one_table(&mut site).await?;
    random_sessions::from_django(&mut site).await?;
    clean_up::by_either_side(&mut site).await?;
    policies::of_both_sides(&mut site).await?;
    site.close().await
}

/// We made it.
async fn on_our_table<DB: Driver>(mut site: Site<DB>) -> TestResult {
    site.migrate(Table::Ours).await?;
    life::of_one_table(&mut site).await?;
    random_sessions::from_us(&mut site).await?;
    auth::of_users_on_both_sides(&mut site).await?;
    race::of_two_writers(&mut site).await?;
    site.close().await
}

/// Django keeps local time.
async fn without_time_zones<DB: Driver>(mut site: Site<DB>) -> TestResult {
    site.migrate(Table::Djangos).await?;
    life::of_one_table(&mut site).await?;
    clean_up::by_either_side(&mut site).await?;
    policies::across_the_change_of_clocks(&mut site).await?;
    policies::of_both_sides(&mut site).await?;
    site.close().await
}

/// Makes a test on each database of each case: a function of a site.
macro_rules! beside_django {
    ($module:ident, $version:literal, $settings:expr, $($case:ident)*) => {
        mod $module {
            $(mod $case {
                use crate::{site, support::TestResult};

                #[tokio::test]
                async fn with_sqlite() -> TestResult {
                    let Some(site) = site::sqlite($version, $settings).await? else { return Ok(()) };
                    crate::$case(site).await
                }

                #[tokio::test]
                async fn with_postgres() -> TestResult {
                    let Some(site) = site::postgres($version, $settings).await? else { return Ok(()) };
                    crate::$case(site).await
                }

                #[tokio::test]
                async fn with_mariadb() -> TestResult {
                    let Some(site) = site::mariadb($version, $settings).await? else { return Ok(()) };
                    crate::$case(site).await
                }
            })*
        }
    };
}

beside_django!(django_3_2, "3.2", serde_json::json!({}), on_djangos_table on_our_table);
beside_django!(django_4_2, "4.2", serde_json::json!({}), on_djangos_table on_our_table);
beside_django!(django_5_2, "5.2", serde_json::json!({}), on_djangos_table on_our_table);
beside_django!(django_6, "6", serde_json::json!({}), on_djangos_table on_our_table);
beside_django!(in_berlin, "5.2", crate::berlin::settings(), without_time_zones);
