//! Integers of any size: decimal digits to and from the bytes of a pickle (two's complement, lowest byte first).

/// Python converts no longer number to or from a text.
pub(super) const MOST_DIGITS: usize = 4300;

/// What so many digits need.
pub(super) const MOST_BYTES: usize = 1786;

/// Digits that go into 32 bits at once.
const CHUNK: usize = 9;
const CHUNK_BASE: u64 = 1_000_000_000;

/// The number as Python prints it, `None` when it is longer than [`MOST_BYTES`].
pub(super) fn to_decimal(bytes: &[u8]) -> Option<String> {
    if bytes.len() <= 8 {
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        return Some(i64::from_le_bytes(wide).to_string());
    }
    if bytes.len() > MOST_BYTES {
        return None;
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut magnitude = bytes.to_vec();
    if negative {
        negate(&mut magnitude);
    }
    let digits = digits_of(limbs_of(&magnitude));
    Some(if negative && digits != "0" { format!("-{digits}") } else { digits })
}

/// The bytes of a decimal number, `None` when it is none or longer than [`MOST_DIGITS`].
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut limbs: Vec<u32> = Vec::with_capacity(digits.len() / CHUNK + 1);
    let head = digits.len() % CHUNK;
    let chunks = [&digits[..head]].into_iter().filter(|head| !head.is_empty());
    for chunk in chunks.chain((head..digits.len()).step_by(CHUNK).map(|at| &digits[at..at + CHUNK])) {
        let mut carry: u64 = chunk.parse().ok()?;
        for limb in &mut limbs {
            let value = u64::from(*limb) * CHUNK_BASE + carry;
            *limb = (value & 0xffff_ffff) as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            limbs.push(u32::try_from(carry).ok()?);
        }
    }
    let mut bytes: Vec<u8> = limbs.into_iter().flat_map(u32::to_le_bytes).chain([0]).collect();
    if negative {
        negate(&mut bytes);
    }
    shorten(&mut bytes);
    Some(bytes)
}

/// The same number without needless zeros and signs, `None` when it is none.
pub(super) fn canonical(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}

/// Two's complement: every bit the other way round, and one more.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

/// Drops bytes that only repeat the sign.
fn shorten(bytes: &mut Vec<u8>) {
    while let [.., before, last] = bytes[..] {
        if !(last == 0 && before < 0x80 || last == 0xff && before >= 0x80) {
            break;
        }
        bytes.pop();
    }
}

fn limbs_of(bytes: &[u8]) -> Vec<u32> {
    let limb = |chunk: &[u8]| chunk.iter().rev().fold(0, |limb, &byte| limb << 8 | u32::from(byte));
    bytes.chunks(4).map(limb).collect()
}

/// Divides again and again; the remainders are the digits, lowest first.
fn digits_of(mut limbs: Vec<u32>) -> String {
    let mut chunks = Vec::new();
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    while !limbs.is_empty() {
        let mut rest = 0;
        for limb in limbs.iter_mut().rev() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / CHUNK_BASE) as u32;
            rest = value % CHUNK_BASE;
        }
        chunks.push(rest);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let mut chunks = chunks.into_iter().rev();
    let first = chunks.next().unwrap_or_default().to_string();
    chunks.fold(first, |digits, chunk| format!("{digits}{chunk:09}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_bytes_that_python_gives_them() {
        for (text, bytes) in [
            ("0", &[0][..]),
            ("255", &[255, 0]),
            ("-128", &[0x80]),
            ("-129", &[0x7f, 0xff]),
            ("2147483648", &[0, 0, 0, 0x80, 0]),
            ("9223372036854775808", &[0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("-9223372036854775809", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff]),
        ] {
            assert_eq!(to_bytes(text).unwrap(), bytes, "{text}");
            assert_eq!(to_decimal(bytes).unwrap(), text);
        }
        assert_eq!(to_decimal(&[]).unwrap(), "0");
    }

    #[test]
    fn long_numbers_come_back() {
        for digits in [1, 9, 10, 18, 19, 40, 4300] {
            for sign in ["", "-"] {
                let text = format!("{sign}{}", "9".repeat(digits));
                assert_eq!(to_decimal(&to_bytes(&text).unwrap()).unwrap(), text);
            }
        }
        assert_eq!(to_bytes(&"9".repeat(4301)), None);
        assert_eq!(to_decimal(&[1; MOST_BYTES + 1]), None);
    }

    #[test]
    fn a_number_has_one_text() {
        assert_eq!(canonical("-0").as_deref(), Some("0"));
        assert_eq!(canonical("+007").as_deref(), Some("7"));
        assert_eq!(canonical("-12").as_deref(), Some("-12"));
        assert_eq!((canonical("1_0"), canonical(""), canonical("-")), (None, None, None));
    }
}
