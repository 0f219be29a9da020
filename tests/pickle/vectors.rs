//! `django_pickled_values.json`: what the caches of three Djangos pickled.

use jam_session::{PickleSerializer, Serializer as _};
use serde_json::Value;

use crate::{TestResult, unhex};

#[test]
fn what_django_pickled_is_read_as_django_read_it() -> TestResult {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../data/django_pickled_values.json"))?;
    let dicts: Vec<Value> = serde_json::from_str(include_str!("../data/django_json_dicts.json"))?;
    for (version, count) in [("5.2.19", 33), ("3.2.25", 33), ("3.0.14", 33)] {
        let mut matched = 0;
        for row in
            rows.iter().filter(|row| row["django"].as_array().is_some_and(|all| all.iter().any(|v| v == version)))
        {
            let dict = dicts.iter().find(|dict| dict["name"] == row["dict"]).ok_or("a dictionary of this name")?;
            let data = PickleSerializer::default().loads(&unhex(row["hex"].as_str().ok_or("digits")?)?)?;
            assert_eq!(data.to_json(), dict["json"].as_str().ok_or("a text")?, "{}", row["name"]);
            assert!(data.is_json(), "{}", row["name"]);
            let again = PickleSerializer::default().loads(&PickleSerializer::default().dumps(&data)?)?;
            assert_eq!(again.to_json(), data.to_json(), "{}", row["name"]);
            matched += 1;
        }
        println!("pickle: pickled_values {version} {count} rows: matched {matched}");
        assert_eq!(matched, count);
    }
    Ok(())
}
