//! Many rows in one text: three lengths in bytes, each with a comma behind, then key, expiry and data, row by row. Data
//! that are no text have no length, so that such a row fails here, and then on its own.

use std::sync::Arc;

use super::super::BaseRow;
use crate::date_text;

pub(super) const COLUMN: &str = "group_concat(length(CAST(session_key AS BLOB)) || ',' || \
     length(CAST(expire_date AS BLOB)) || ',' || \
     iif(typeof(session_data) = 'text', length(CAST(session_data AS BLOB)), 'none') || ',' || \
     session_key || expire_date || session_data, '')";

/// `None` where the text is not made that way.
pub(super) fn rows(mut text: &str) -> Option<Vec<BaseRow>> {
    let mut rows = Vec::new();
    while !text.is_empty() {
        let lengths = [length(&mut text)?, length(&mut text)?, length(&mut text)?];
        let [session_key, expire_date, session_data] = lengths.map(|length| take(&mut text, length));
        rows.push(BaseRow {
            session_key: session_key?.to_owned(),
            session_data: Arc::from(session_data?),
            expire_date: date_text::parse_column(expire_date?),
        });
    }
    Some(rows)
}

fn length(text: &mut &str) -> Option<usize> {
    let (length, rest) = text.split_once(',')?;
    *text = rest;
    length.parse().ok()
}

fn take<'a>(text: &mut &'a str, length: usize) -> Option<&'a str> {
    let (taken, rest) = text.split_at_checked(length)?;
    *text = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_apart_where_they_were_put_together() {
        let two = "3,4,5,abc2023a,b\u{e9}1,0,2,x{}";

        let rows = rows(two).unwrap();

        let parts: Vec<_> = rows.iter().map(|row| (row.session_key.as_str(), &*row.session_data)).collect();
        assert_eq!(parts, [("abc", "a,b\u{e9}"), ("x", "{}")]);
    }

    #[test]
    fn another_text_is_refused() {
        for bad in ["a", "1,", "1,1,1", "1,1,1,ab", "9,9,9,abc", "1,0,1,\u{e9}"] {
            assert!(rows(bad).is_none(), "{bad}");
        }
        assert!(rows("").unwrap().is_empty());
    }
}
