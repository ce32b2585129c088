//! What each token does. The README has the same table.

/// What becomes of an authorisation with a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Does {
    /// Declined, with this reason.
    pub(super) declined: Option<&'static str>,
    /// The first answer is lost.
    pub(super) loses_first: bool,
    /// The first time nothing is done.
    pub(super) away_first: bool,
    /// It takes half a second.
    pub(super) slow: bool,
    /// The first answer to its capture is lost.
    pub(super) loses_capture: bool,
}

const PLAIN: Does = Does {
    declined: None,
    loses_first: false,
    away_first: false,
    slow: false,
    loses_capture: false,
};

/// Any other token is authorised.
pub(super) const TOKENS: [(&str, Does); 8] = [
    ("tok_declined", Does { declined: Some("declined"), ..PLAIN }),
    ("tok_insufficient_funds", Does { declined: Some("insufficient funds"), ..PLAIN }),
    ("tok_expired", Does { declined: Some("expired"), ..PLAIN }),
    ("tok_timeout_once", Does { loses_first: true, ..PLAIN }),
    ("tok_timeout_then_declined", Does { declined: Some("declined"), loses_first: true, ..PLAIN }),
    ("tok_unavailable_once", Does { away_first: true, ..PLAIN }),
    ("tok_slow", Does { slow: true, ..PLAIN }),
    ("tok_capture_timeout_once", Does { loses_capture: true, ..PLAIN }),
];

pub(super) fn what_it_does(token: &str) -> Does {
    TOKENS.iter().find(|(name, _)| *name == token).map_or(PLAIN, |(_, does)| *does)
}

#[cfg(test)]
mod tests {
    use super::TOKENS;

    #[test]
    fn the_readme_has_every_token_and_its_reason() {
        let readme = include_str!("../../README.md");
        for (token, does) in TOKENS {
            let row = readme.lines().find(|line| line.starts_with(&format!("| `{token}` |")));
            let row = row.unwrap_or_else(|| panic!("{token} is not in the README"));
            let reason = does.declined.map(|reason| format!("declined: `{reason}`"));
            assert!(reason.is_none_or(|reason| row.contains(&reason)), "{row}");
        }
        assert_eq!(readme.lines().filter(|line| line.starts_with("| `tok_")).count(), TOKENS.len());
    }
}
