//! A password that isn't in the url: PGPASSWORD, or the line of PGPASSFILE that fits.

use std::{ffi::OsString, fs, path::Path};

use crate::StoreError;

pub(super) fn find(
    environment: &dyn Fn(&str) -> Option<OsString>,
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Result<Option<String>, StoreError> {
    if let Some(password) = environment("PGPASSWORD") {
        let text = password.into_string();
        let text = text.map_err(|_| StoreError::Url("PGPASSWORD isn't UTF-8".to_owned()))?;
        return Ok(Some(text));
    }
    let Some(path) = environment("PGPASSFILE") else { return Ok(None) };
    let lines = read(Path::new(&path))?;
    let wanted = [host, &port.to_string(), database, user];
    Ok(lines.lines().find_map(|line| password_for(line, wanted)))
}

fn read(path: &Path) -> Result<String, StoreError> {
    let refuse = |why: String| StoreError::Url(format!("PGPASSFILE {}: {why}", path.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(|e| refuse(e.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(refuse("others may read it: chmod 0600".to_owned()));
        }
    }
    fs::read_to_string(path).map_err(|error| refuse(error.to_string()))
}

/// The password of a line `host:port:database:user:password` that fits; `*` fits everything, and
/// `\` takes the meaning from what follows it.
fn password_for(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut characters = line.chars();
    for wanted in wanted {
        let (mut field, mut is_any) = (String::new(), true);
        loop {
            match characters.next()? {
                ':' => break,
                '\\' => {
                    is_any = false;
                    field.push(characters.next()?);
                }
                other => field.push(other),
            }
        }
        is_any &= field == "*";
        if !is_any && field != wanted {
            return None;
        }
    }
    let mut password = String::new();
    while let Some(next) = characters.next() {
        password.push(if next == '\\' { characters.next()? } else { next });
    }
    Some(password)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const WANTED: [&str; 4] = ["db", "5432", "shop", "me"];

    #[test]
    fn a_line_fits_by_its_first_four_fields() {
        assert_eq!(password_for("db:5432:shop:me:pass:word", WANTED).unwrap(), "pass:word");
        assert_eq!(password_for("*:*:*:me:p\\:w\\\\", WANTED).unwrap(), "p:w\\");
        for other in
            ["db:5432:shop:you:p", "\\*:*:*:me:p", "# db:5432:shop:me:p", "db:5432:shop:me", ""]
        {
            assert_eq!(password_for(other, WANTED), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pgpass");
        fs::write(&path, "other:*:*:*:no\n*:*:*:me:yes\n").unwrap();
        let look = || {
            let environment =
                |name: &str| (name == "PGPASSFILE").then(|| path.clone().into_os_string());
            find(&environment, "db", 5432, "shop", "me")
        };

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(look().unwrap_err().to_string().contains("chmod 0600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(look().unwrap().unwrap(), "yes");
    }
}
