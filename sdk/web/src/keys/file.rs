//! The file of callers. Whatever is wrong with it, no error shows a key that was written there by
//! mistake.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{
    Hash,
    bucket::Rate,
    caller::{ANONYMOUS, Caller, Role},
    new_key::PREFIX,
};

const MOST_BYTES: u64 = 1 << 20;
const MOST_CALLERS: usize = 1_000;
const MOST_KEYS: usize = 8;

/// Why a file of callers can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It can't be read.
    #[error("the API keys' file {} can't be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It doesn't say what it has to.
    #[error("the API keys' file {}{}: {why}", .path.display(), at(.line))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where one is at fault.
        line: Option<u64>,
        /// What is wrong, and what to do.
        why: String,
    },
}

fn at(line: &Option<u64>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

/// One caller.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    pub(super) hashes: Vec<Hash>,
    pub(super) rate: Option<Rate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    caller: Spanned<String>,
    #[serde(default)]
    role: WrittenRole,
    key_sha256: Vec<Spanned<String>>,
    rate: Option<Spanned<WrittenRate>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenRole {
    #[default]
    Caller,
    Operator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRate {
    per_second: f64,
    burst: u32,
}

/// The text of the file, if it isn't absurdly long.
pub(super) fn read(path: &Path) -> Result<String, KeysError> {
    let unreadable = |source| KeysError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MOST_BYTES {
        return Err(wrong(path, None, "it has more than 1 MiB"));
    }
    Ok(text)
}

/// Every caller of it.
pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<Entry>, KeysError> {
    let written: Vec<Written> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|at| at.line());
        wrong(path, line, hide_keys(&error.without_snippet().to_string()))
    })?;
    if written.is_empty() {
        let why = "it names no caller, so nobody could ask anything: `orderly api-key new --caller \
                   NAME` makes an entry";
        return Err(wrong(path, None, why));
    }
    if written.len() > MOST_CALLERS {
        return Err(wrong(path, None, format!("it names more than {MOST_CALLERS} callers")));
    }
    let (mut names, mut owners) = (HashMap::new(), HashMap::new());
    let mut entries = Vec::with_capacity(written.len());
    for entry in &written {
        let line = Some(entry.caller.referenced.line());
        let name = entry.caller.value.as_str();
        must_be_name(name).map_err(|why| wrong(path, line, why))?;
        if let Some(before) = names.insert(name, entry.caller.referenced.line()) {
            let why =
                format!("`{name}` stands in line {before} already: one entry has all its keys");
            return Err(wrong(path, line, why));
        }
        if entry.key_sha256.len() > MOST_KEYS {
            return Err(wrong(path, line, format!("a caller has {MOST_KEYS} keys at most")));
        }
        let mut hashes = Vec::with_capacity(entry.key_sha256.len());
        for written in &entry.key_sha256 {
            let line = Some(written.referenced.line());
            let hash = hash(&written.value).map_err(|why| wrong(path, line, why))?;
            if let Some(owner) = owners.insert(hash, name) {
                return Err(wrong(path, line, format!("this key is in `{owner}`'s entry already")));
            }
            hashes.push(hash);
        }
        let rate = match &entry.rate {
            None => None,
            Some(rate) => {
                let line = Some(rate.referenced.line());
                Some(read_rate(&rate.value).map_err(|why| wrong(path, line, why))?)
            }
        };
        let role = match entry.role {
            WrittenRole::Caller => Role::Caller,
            WrittenRole::Operator => Role::Operator,
        };
        entries.push(Entry { caller: Caller::new(name, role), hashes, rate });
    }
    Ok(entries)
}

fn wrong(path: &Path, line: Option<u64>, why: impl Into<String>) -> KeysError {
    KeysError::Wrong { path: path.to_owned(), line, why: why.into() }
}

/// Whether a caller can be called so; `Err` says what is wrong.
pub fn must_be_name(name: &str) -> Result<(), String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err("a caller's name is 1 to 64 of A-Z, a-z, 0-9, dot, underscore, hyphen".into());
    }
    if name == ANONYMOUS {
        return Err(format!(
            "`{ANONYMOUS}` is everybody where there are no keys: take another name"
        ));
    }
    if name.starts_with(PREFIX) && name.len() > 40 {
        return Err("a key stands where the caller's name should: take it out, and don't use it \
                    any more"
            .into());
    }
    Ok(())
}

fn hash(text: &str) -> Result<Hash, String> {
    if text.starts_with(PREFIX) {
        return Err("a key stands here, not its SHA-256: take it out and don't use it any more; \
                    `orderly api-key new` makes another"
            .into());
    }
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash)
        .map_err(|_| "a key's SHA-256 is 64 hex digits".to_owned())?;
    Ok(hash)
}

fn read_rate(&WrittenRate { per_second, burst }: &WrittenRate) -> Result<Rate, String> {
    if !(0.001..=1e6).contains(&per_second) {
        return Err("per_second is a number from 0.001 to 1000000".into());
    }
    if !(1..=1_000_000).contains(&burst) {
        return Err("burst is a number from 1 to 1000000".into());
    }
    Ok(Rate { per_second, burst })
}

/// What a parser quotes may be a key.
fn hide_keys(text: &str) -> String {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut parts = text.split(PREFIX);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("ok_…");
        shown.push_str(part.trim_start_matches(is_of_key));
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const KEY: &str = "ok_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U";

    fn parsed(text: &str) -> Result<Vec<Entry>, String> {
        let text = text.replace("$A", A).replace("$B", B).replace("$KEY", KEY);
        parse(&text, Path::new("keys.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn callers_have_roles_keys_and_rates() {
        let entries = parsed(
            "- caller: shop-1\n  key_sha256: [$A, $B]\n  rate: { per_second: 0.5, burst: 10 }\n\
             - { caller: backoffice, role: operator, key_sha256: [] }\n",
        )
        .unwrap();
        let [shop, office] = &*entries else { panic!("{entries:?}") };
        assert_eq!(shop.caller.sees_only(), Some("shop-1"));
        assert_eq!(shop.hashes, [[0xaa; 32], [0xbb; 32]]);
        assert_eq!(shop.rate, Some(Rate { per_second: 0.5, burst: 10 }));
        assert_eq!(office.caller.sees_only(), None);
        assert_eq!((office.hashes.len(), office.rate), (0, None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_any_key() {
        for (text, line, why) in [
            ("", None, ""),
            ("[]", None, "no caller"),
            ("caller: a", Some(1), ""),
            ("- caller: a\n", Some(1), "key_sha256"),
            ("- caller: a\n  key_sha256: [$A]\n  rights: all\n", Some(3), "rights"),
            ("- caller: a\n  role: admin\n  key_sha256: [$A]\n", Some(2), "operator"),
            ("- caller: a\n  key_sha256: [$A]\n  key_sha256: [$B]\n", Some(3), "key_sha256"),
            ("- caller: a\n  key_sha256: [$A]\n- caller: a\n  key_sha256: []\n", Some(3), "line 1"),
            ("- caller: a\n  key_sha256: [$A]\n- caller: b\n  key_sha256: [$A]\n", Some(4), "`a`"),
            ("- caller: a b\n  key_sha256: []\n", Some(1), "1 to 64"),
            ("- caller: ''\n  key_sha256: []\n", Some(1), "1 to 64"),
            ("- caller: anonymous\n  key_sha256: []\n", Some(1), "everybody"),
            ("- caller: a\n  key_sha256:\n    - abc\n", Some(3), "64 hex"),
            ("- caller: a\n  key_sha256: [$KEY]\n", Some(2), "a key stands here"),
            ("- caller: $KEY\n  key_sha256: []\n", Some(1), "a key stands"),
            ("- caller: a\n  key_sha256: $KEY\n", Some(2), ""),
            ("- caller: a\n  role: $KEY\n  key_sha256: []\n", Some(2), ""),
            ("- caller: a\n  $KEY: 1\n", Some(2), ""),
            (
                "- caller: a\n  key_sha256: []\n  rate: { per_second: 0, burst: 1 }\n",
                Some(3),
                "per_second",
            ),
            (
                "- caller: a\n  key_sha256: []\n  rate: { per_second: .nan, burst: 1 }\n",
                Some(3),
                "per_second",
            ),
            (
                "- caller: a\n  key_sha256: []\n  rate: { per_second: 1, burst: 0 }\n",
                Some(3),
                "burst",
            ),
            ("- caller: a\n  key_sha256: []\n  rate: { per_second: 1 }\n", Some(3), "burst"),
            ("\t- caller", None, ""),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains("keys.yaml") && error.contains(why), "{text:?}: {error}");
            if let Some(line) = line {
                assert!(error.contains(&format!("line {line}: ")), "{text:?}: {error}");
            }
            assert!(!error.contains(&KEY[3..20]), "{text:?}: {error}");
        }
    }

    #[test]
    fn more_than_is_taken_is_refused() {
        let many: String =
            (0..1_001).map(|n| format!("- {{ caller: c{n}, key_sha256: [] }}\n")).collect();
        assert!(parsed(&many).unwrap_err().contains("1000 callers"));
        let keys = [A; 9].join(", ");
        let text = format!("- {{ caller: a, key_sha256: [{keys}] }}");
        assert!(parsed(&text).unwrap_err().contains("8 keys"));
    }
}
