//! What `decimal.Decimal` takes.

/// Whether Python makes a `Decimal` of this text.
pub(super) fn is_valid(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    if ["inf", "infinity"].contains(&text.as_str()) {
        return true;
    }
    if let Some(payload) = text.strip_prefix('s').unwrap_or(&text).strip_prefix("nan") {
        return all_digits(payload);
    }
    let (digits, exponent) = text.split_once('e').map_or((&text[..], None), |(digits, e)| (digits, Some(e)));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        // Beyond this Python has an error.
        all_digits(exponent) && (1..=17).contains(&exponent.len())
    });
    all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_what_python_takes() {
        for text in ["1", "-1.50", "+.5", "5.", "1E+28", "1e-7", "NaN", "-sNaN12", "Infinity", "-inf"] {
            assert!(is_valid(text), "{text}");
        }
        for text in ["", ".", "1e", "e5", "1,5", "0x1", "nan1x", "--1", "1 ", "1e99999999999999999999"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
