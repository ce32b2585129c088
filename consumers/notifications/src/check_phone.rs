//! Whether a text is a number that a message may go to.

/// Digits of a number with its country code (E.164).
const MOST_DIGITS: usize = 15;

/// Why it isn't one. The answer never quotes it. Spaces, hyphens, dots and brackets are how people write.
pub(crate) fn check_phone(text: &str) -> Result<(), &'static str> {
    let number = plain(text);
    let Some(digits) = number.strip_prefix('+') else {
        return Err("number refused: it has no country code, as +49…");
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("number refused: holds more than digits");
    }
    if !(7..=MOST_DIGITS).contains(&digits.len()) {
        return Err("number refused: not 7 to 15 digits");
    }
    Ok(())
}

/// As providers take it.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_country_code_are_taken_however_they_are_written() {
        for text in ["+4915112345678", "+44 20 7946-0000", "+1 (212) 555.0100"] {
            assert_eq!(check_phone(text), Ok(()), "{text}");
        }
        assert_eq!(plain("+44 20 7946-0000"), "+442079460000");
    }

    #[test]
    fn what_is_no_number_is_refused_and_not_quoted() {
        for text in ["", "015112345678", "+49151abc", "+12345", "+1234567890123456", "+49\n151123"]
        {
            let why = check_phone(text).expect_err(text);
            assert!(!why.contains("151"), "{why}");
        }
    }
}
