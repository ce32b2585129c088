//! What a scalar without quotes is taken for, by this reader or another one: where YAML 1.1 and 1.2 differ, the file
//! should be written so that they don't.

use super::node::Value;

pub(super) fn plain(text: &str) -> Value {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => Value::Empty,
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => Value::Bool(text.to_owned()),
        lower if is_number(lower) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(lower: &str) -> bool {
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(lower);
    let digits = unsigned.replace('_', "");
    let radix = |(prefix, base): (&str, u32)| {
        let rest = digits.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base)))
    };
    let begins_as_one = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().any(radix)
        || matches!(digits.as_str(), ".inf" | ".nan")
        || begins_as_one && digits.parse::<f64>().is_ok()
        || is_sexagesimal(&digits)
}

/// `12:30`, which YAML 1.1 reads as 12 times 60 and 30.
fn is_sexagesimal(digits: &str) -> bool {
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits.contains(':') && digits.split(':').all(all_digits)
}
