//! From JSON texts to tapes.

use super::{
    error::PickleError,
    int,
    tape::{Kind, Tape, Token},
    wtf8,
};

const TOO_LONG: PickleError = PickleError::Invalid { what: "a number of more than 4300 digits" };
const NOT_JSON: PickleError = PickleError::Invalid { what: "not JSON" };

/// Appends the value of a JSON text, as Python's `json` reads it.
pub(crate) fn from_json(json: &str, tape: &mut Tape) -> Result<(), PickleError> {
    // Of each open container, where it began and how many items it has.
    let mut open: Vec<(usize, u32)> = Vec::new();
    let mut rest = json;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
        let Some(first) = rest.bytes().next() else { return Ok(()) };
        if let b']' | b'}' = first {
            let (opened, items) = open.pop().ok_or(NOT_JSON)?;
            tape.close(opened, if first == b'}' { items / 2 } else { items });
            rest = &rest[1..];
            continue;
        }
        if let Some((_, items)) = open.last_mut() {
            *items += 1;
        }
        match first {
            b'[' | b'{' => {
                open.push((tape.open(if first == b'[' { Kind::List } else { Kind::Dict }), 0));
                rest = &rest[1..];
            }
            b'"' => rest = string(rest, tape)?,
            _ => {
                let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
                scalar(&rest[..end], tape)?;
                rest = &rest[end..];
            }
        }
    }
}

fn scalar(text: &str, tape: &mut Tape) -> Result<(), PickleError> {
    tape.push(match text {
        "null" => Token::None,
        "true" => Token::Bool(true),
        "false" => Token::Bool(false),
        "NaN" => Token::Float(f64::NAN),
        "Infinity" => Token::Float(f64::INFINITY),
        "-Infinity" => Token::Float(f64::NEG_INFINITY),
        _ if text.contains(['.', 'e', 'E']) => Token::Float(text.parse().map_err(|_| NOT_JSON)?),
        _ => {
            tape.push(Token::Int(&int::canonical(text).ok_or(TOO_LONG)?));
            return Ok(());
        }
    });
    Ok(())
}

/// Reads the string at the beginning of `text`, and gives what comes after it.
fn string<'a>(text: &'a str, tape: &mut Tape) -> Result<&'a str, PickleError> {
    let inside = &text[1..];
    let end = inside.find(['"', '\\']).ok_or(NOT_JSON)?;
    if inside[end..].starts_with('"') {
        tape.push(Token::Str(&inside[..end]));
        return Ok(&inside[end + 1..]);
    }
    let (mut bytes, mut rest) = (Vec::new(), inside);
    loop {
        let plain = rest.find(['"', '\\']).ok_or(NOT_JSON)?;
        bytes.extend_from_slice(&rest.as_bytes()[..plain]);
        rest = &rest[plain..];
        if let Some(after) = rest.strip_prefix('"') {
            match str::from_utf8(&bytes) {
                Ok(text) => tape.push(Token::Str(text)),
                Err(_) => tape.push(Token::Surrogates(&bytes)),
            }
            return Ok(after);
        }
        rest = escape(&rest[1..], &mut bytes).ok_or(NOT_JSON)?;
    }
}

/// Reads what comes after a backslash.
fn escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let plain = match text.bytes().next()? {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let (unit, rest) = unit(&text[1..])?;
            let pair = rest.strip_prefix("\\u").and_then(unit_of_pair).filter(|_| wtf8::is_high(unit));
            if let Some((low, rest)) = pair {
                wtf8::push(bytes, 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?;
                return Some(rest);
            }
            wtf8::push(bytes, unit)?;
            return Some(rest);
        }
        byte => byte,
    };
    bytes.push(plain);
    text.get(1..)
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

fn unit_of_pair(text: &str) -> Option<(u32, &str)> {
    unit(text).filter(|(low, _)| wtf8::is_low(*low))
}
