//! What may be a payment token.

use orderly_schemas::payment_token::check;

#[test]
fn a_token_passes() {
    let longest = "x".repeat(128);
    for token in ["tok_ok", "a", "tok-1_B", "411111111111", &longest] {
        assert_eq!(check(token), Ok(()), "{token}");
    }
}

#[test]
fn a_cards_number_is_refused_however_it_is_written() {
    for number in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        "5555_5555_5555_4444",
        "--4111111111111111--",
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
        "6304000000000000",
        "000000000000",
    ] {
        let why = check(number).expect_err(number).to_string();
        assert!(why.contains("card's number") && !why.contains("4111"), "{number}: {why}");
    }
}

#[test]
fn digits_that_are_no_cards_number_pass() {
    for token in ["4111111111111112", "00000000000", "00000000000000000000", "tok4111111111111111"]
    {
        assert_eq!(check(token), Ok(()), "{token}");
    }
}

#[test]
fn what_no_token_is_made_of_is_refused() {
    let long = "x".repeat(129);
    for token in ["", " ", "tok ok", "tok.ok", "tök", "tok\0", "a/b", &long] {
        let why = check(token).expect_err(token).to_string();
        assert_eq!(why, "it isn't 1 to 128 of A-Z a-z 0-9 _ -", "{token}");
    }
}
