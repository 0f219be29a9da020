//! Numbers in base 62, which is how Django writes the time of a signature.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Appends `number` to `text`, the most significant digit first.
pub(super) fn encode(number: i64, text: &mut String) {
    if number < 0 {
        text.push('-');
    }
    let (mut rest, mut digits, mut first) = (number.unsigned_abs(), [0; 11], 11);
    loop {
        first -= 1;
        digits[first] = DIGITS[(rest % 62) as usize];
        rest /= 62;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits[first..].iter().map(|&digit| char::from(digit)));
}

/// The number that `text` is; a lone minus is zero, as in Django.
pub(super) fn decode(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    if text.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_i64, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(sign * i64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(number: i64) -> String {
        let mut text = String::new();
        encode(number, &mut text);
        text
    }

    #[test]
    fn numbers_are_written_as_django_writes_them_and_read_back() {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/data/django_signing_primitives.json")).unwrap();
        let mut compared = 0;
        for row in rows.iter().filter(|row| row["kind"] == "base62") {
            let (number, text) = (row["n"].as_i64().unwrap(), row["text"].as_str().unwrap());
            assert_eq!(encoded(number), text);
            assert_eq!(decode(text), Some(number));
            compared += 1;
        }
        assert_eq!(compared, 15);
    }

    #[test]
    fn the_whole_range_survives() {
        for number in [i64::MIN, i64::MIN + 1, -1, 0, 61, 62, i64::MAX] {
            assert_eq!(decode(&encoded(number)), Some(number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "_", "1 ", " 1", "1-", "--1", "é", "zzzzzzzzzzzz"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("-"), Some(0));
    }
}
