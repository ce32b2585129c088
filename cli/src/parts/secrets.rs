//! Secrets: which properties are some, and where they are taken from instead of the arguments, which
//! every user of the machine sees.

use std::{fs::File, io::Read as _, path::Path};

/// Most bytes of a file that holds a secret, or properties.
const MOST_BYTES: u64 = 1 << 20;

/// The environment, or a test's.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Whether the value of a property is a secret. Too much rather than too little: an url that signs
/// in, or a key in PEM, may hold one as well.
pub(super) fn is_secret(property: &str) -> bool {
    const WORDS: [&str; 6] = ["password", "secret", "passphrase", "jaas", "user.info", "token"];
    const NAMES: [&str; 3] = ["ssl.key.pem", "ssl_key", "sasl.oauthbearer.config"];
    let name = property.to_ascii_lowercase();
    // Where a token is had is no secret, and neither is a file's name.
    if name.ends_with(".url") || name.ends_with(".location") || name.ends_with(".file") {
        return false;
    }
    NAMES.contains(&&*name)
        || name.contains("private.key")
        || WORDS.iter().any(|word| name.contains(word))
}

/// What the variable NAME holds, or the file that NAME_FILE names, without the end of its last line.
pub(super) fn secret(name: &str, environment: Environment<'_>) -> Result<Option<String>, String> {
    let file = format!("{name}_FILE");
    match (environment(name), environment(&file)) {
        (Some(_), Some(_)) => Err(format!("{name} and {file} are both set: which one is it?")),
        (Some(value), None) => Ok(Some(value)),
        (None, Some(path)) => {
            let text = read(Path::new(&path)).map_err(|why| format!("{file}: {why}"))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

/// The text of a file, if it isn't absurdly long.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(|e| failed(e.to_string()))?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    match read.map_err(|e| failed(e.to_string()))? as u64 {
        0..=MOST_BYTES => Ok(text),
        _ => Err(failed("more than 1 MiB".into())),
    }
}

/// Whether users other than the file's owner may read it.
pub(super) fn others_may_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A url with a user and password for whoever asks there, unless it has some.
pub(super) fn with_login(url: &str, user_info: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    if rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@')) {
        return url.to_owned();
    }
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    format!("{scheme}://{}:{}@{rest}", percent(user), percent(password))
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_are_secrets_are_known() {
        for name in [
            "sasl.password",
            "SASL.Password",
            "ssl.key.password",
            "ssl.key.pem",
            "ssl.keystore.password",
            "sasl.jaas.config",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.pem",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "basic.auth.user.info",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "sasl.username",
            "sasl.mechanism",
            "ssl.key.location",
            "ssl.ca.pem",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.oauthbearer.assertion.private.key.file",
            "linger.ms",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_secret_is_in_its_variable_or_in_the_file_that_another_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let path = file.display().to_string();
        let both = |name: &str| match name {
            "A" | "C" => Some("plain".to_owned()),
            "B_FILE" | "C_FILE" => Some(path.clone()),
            "D_FILE" => Some("/nowhere/at/all".to_owned()),
            _ => None,
        };
        assert_eq!(secret("A", &both), Ok(Some("plain".into())));
        assert_eq!(secret("B", &both), Ok(Some("hunter2".into())));
        assert!(secret("C", &both).is_err_and(|why| !why.contains("plain")));
        assert!(secret("D", &both).is_err_and(|why| why.contains("D_FILE: /nowhere/at/all")));
        assert_eq!(secret("E", &both), Ok(None));
    }

    #[test]
    fn a_registrys_login_goes_into_its_url_so_that_nothing_of_it_is_read_as_the_url() {
        assert_eq!(with_login("https://r:8081/a", "me:p@s/s?"), "https://me:p%40s%2Fs%3F@r:8081/a");
        assert_eq!(with_login("https://you:x@r", "me:pass"), "https://you:x@r");
    }
}
