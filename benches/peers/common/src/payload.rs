//! What a session holds: the same names and values in every server, of `BENCH_SIZE` bytes of JSON in all.

use serde_json::{Map, Value, json};

/// The name that `/write` counts up, and what `/read` shows with it.
pub const COUNTER: &str = "visits";
pub const THEME: &str = "theme";

/// A session of `size` bytes and `names` names: who is logged in, a few settings, and a basket for the rest.
pub fn session(size: usize, names: usize) -> Vec<(String, Value)> {
    let mut items = Map::new();
    items.insert(COUNTER.to_owned(), json!(0));
    items.insert(THEME.to_owned(), json!("dark"));
    items.insert("user_id".to_owned(), json!("184467"));
    items.insert("locale".to_owned(), json!({"language": "en", "zone": "Europe/Berlin"}));
    items.insert("csrf".to_owned(), json!("kV3pQ0sT7uWx9yZ1"));
    for i in items.len()..names.saturating_sub(1) {
        items.insert(format!("setting_{i}"), json!(i));
    }
    let mut basket = Vec::new();
    let length = |items: &Map<String, Value>| serde_json::to_string(items).expect("JSON").len();
    let taken = length(&items) + r#","basket":[]"#.len();
    let mut left = size.saturating_sub(taken);
    for sku in 100_000.. {
        let line =
            json!({"sku": sku, "name": "Pencil, 12 pieces", "price": 12.95, "count": sku % 7 + 1, "gift": false});
        let bytes = line.to_string().len() + 1;
        if bytes > left {
            break;
        }
        left -= bytes;
        basket.push(line);
    }
    items.insert("basket".to_owned(), Value::Array(basket));
    items.into_iter().collect()
}
