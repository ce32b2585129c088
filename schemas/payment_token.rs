//! What may stand for a card in an event; the card's number never may.

/// Characters of a token, at most.
pub const LONGEST: usize = 128;

/// Digits that a card's number has.
const CARD_DIGITS: std::ops::RangeInclusive<u32> = 12..=19;

/// Whether `token` may be kept and sent: 1 to 128 of `A-Z a-z 0-9 _ -`, and nothing that could be a
/// card's number.
pub fn check(token: &str) -> Result<(), Misfit> {
    // First: a number with spaces in it is to be named for what it is.
    if is_card_number(token) {
        return Err(Misfit::CardNumber);
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=LONGEST).contains(&token.len()) && token.bytes().all(fits) {
        Ok(())
    } else {
        Err(Misfit::NoToken)
    }
}

/// Why it may not be. Neither message repeats what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It could be a card's number.
    #[error(
        "it looks like a card's number: send a token of your payment provider, never the number \
         itself"
    )]
    CardNumber,
    /// It is too long, empty, or has other characters.
    #[error("it isn't 1 to {LONGEST} of A-Z a-z 0-9 _ -")]
    NoToken,
}

/// So many digits, however they are set apart, with the check digit that cards have (Luhn).
fn is_card_number(text: &str) -> bool {
    let (mut digits, mut sum) = (0, 0);
    for character in text.chars().rev() {
        let Some(digit) = character.to_digit(10) else {
            if matches!(character, '-' | '_') || character.is_whitespace() {
                continue;
            }
            return false;
        };
        let counted = if digits % 2 == 1 { digit * 2 } else { digit };
        sum += counted / 10 + counted % 10;
        digits += 1;
        if digits > *CARD_DIGITS.end() {
            return false;
        }
    }
    CARD_DIGITS.contains(&digits) && sum % 10 == 0
}
