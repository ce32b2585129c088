//! Whether a text is an address that a mail may go to.

use lettre::Address;

/// Longest address that SMTP takes (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MOST_BYTES: usize = 254;

/// The address, or why it isn't one. The answer never quotes it.
///
/// Refused before any parsing is what could end the header or the command that the address is to
/// stand in, or add another to it, even where a quoted local part would allow it.
pub(crate) fn check_address(text: &str) -> Result<Address, &'static str> {
    if text.len() > MOST_BYTES {
        return Err("address refused: longer than 254 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("address refused: holds a control character");
    }
    if text.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')) {
        return Err("address refused: holds a space, comma, semicolon or angle bracket");
    }
    text.parse().map_err(|_| "address refused: not of the form name@host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_are_taken() {
        for text in ["ada@example.com", "a.b+orders@mail.example.co.uk", "jörg@exämple.de"] {
            assert!(check_address(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_could_add_a_header_or_a_recipient_is_refused_and_not_quoted() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com\nX: y",
            "ada@example.com\rX: y",
            "ada@example.com\0",
            "\"ada\r\nBcc: eve\"@example.com",
            "ada@example.com, eve@example.com",
            "ada@example.com> RCPT TO:<eve@example.com",
            "Ada <ada@example.com>",
            "\"<script>\"@example.com",
            "ada",
            "@example.com",
            "",
            &long,
        ] {
            let why = check_address(text).map(|_| ()).expect_err(text);
            assert!(!why.contains("ada") && !why.contains("eve"), "{why}");
        }
    }
}
