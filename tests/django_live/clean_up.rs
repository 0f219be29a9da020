//! `manage.py clearsessions` and our `clear_expired` remove the same rows.

use std::collections::BTreeSet;

use jam_session::{Draft, Driver, SessionKey, SessionStore as _};
use serde_json::json;
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    random::Random,
    site::{Site, micros},
    support::TestResult,
};

const ROWS: u64 = 1000;

/// Between two microseconds of a second, at a full second, and in winter.
const MOMENTS: [OffsetDateTime; 3] = [
    datetime!(2024-07-15 09:30:00.500001 UTC),
    datetime!(2024-07-15 09:30:00 UTC),
    datetime!(2024-01-15 23:59:59.999999 UTC),
];

type Row = (String, OffsetDateTime);

pub(crate) async fn by_either_side<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let (start, mut random, mut left) = (site.clock.now(), Random::new(&site.name), 0);
    for now in MOMENTS {
        site.stop_the_clock(now).await?;
        let rows: Vec<Row> = (0..ROWS).map(|number| (format!("{number:032}"), date(&mut random, now))).collect();

        fill(site, &rows).await?;
        site.ask("clearsessions", json!({})).await?;
        let by_django = keys(site).await?;

        fill(site, &rows).await?;
        let removed = site.store.clear_expired(now).await?;
        let by_us = keys(site).await?;

        let expected: BTreeSet<_> = rows.iter().filter(|(_, date)| *date >= now).map(|(key, _)| key.clone()).collect();
        let of = |wrong: &BTreeSet<String>| -> Vec<_> {
            let odd = rows.iter().filter(|(key, _)| wrong.contains(key) != expected.contains(key));
            odd.map(|(_, date)| (*date - now).whole_microseconds()).collect()
        };
        assert_eq!(of(&by_django), [], "{}: what clearsessions does not do, at {now}", site.name);
        assert_eq!(of(&by_us), [], "{}: what clear_expired does not do, at {now}", site.name);
        assert_eq!(removed, ROWS - expected.len() as u64);
        left += expected.len();
    }
    site.ask("delete_all", json!({})).await?;
    site.stop_the_clock(start).await?;
    let rows = ROWS * MOMENTS.len() as u64;
    site.report(format!("clearsessions and clear_expired both leave {left} of {rows} rows: 0 differences"));
    Ok(())
}

/// Now, to the microsecond; about now; or long ago or far away.
fn date(random: &mut Random, now: OffsetDateTime) -> OffsetDateTime {
    let mut around = |micros: u64| i64::try_from(random.below(2 * micros + 1)).expect("small") - micros.cast_signed();
    match around(2) {
        0 | 1 => now + Duration::microseconds(around(1)),
        2 => now + Duration::microseconds(around(2_000_000)),
        -1 => now + Duration::seconds(around(3)),
        _ => now + Duration::microseconds(around(300 * 86_400_000_000)),
    }
}

/// The rows, half of them written by Django.
async fn fill<DB: Driver>(site: &mut Site<DB>, rows: &[Row]) -> TestResult {
    site.ask("delete_all", json!({})).await?;
    let (djangos, ours) = rows.split_at(rows.len() / 2);
    let djangos: Vec<_> = djangos.iter().map(|(key, date)| (key, micros(*date))).collect();
    site.ask("insert", json!({ "rows": djangos })).await?;
    for (key, date) in ours {
        let draft = Draft::new(r#"{"a":1}"#.parse()?, *date);
        site.store.create(&SessionKey::parse(key)?, &draft, site.clock.now()).await?;
    }
    Ok(())
}

async fn keys<DB: Driver>(site: &mut Site<DB>) -> TestResult<BTreeSet<String>> {
    Ok(serde_json::from_value(site.ask("keys", json!({})).await?)?)
}
