//! From a path to text, bounded.

use std::{fs::File, io::Read, path::Path};

use super::{error::TopicsError, node::Place};

/// What a file of topics may weigh.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
pub(super) const TOO_LARGE: &str = "is larger than 1 MiB: that is no file of topics";

pub(super) fn read_text(path: &Path) -> Result<String, TopicsError> {
    let name = path.display().to_string();
    let refused = |why: String| TopicsError::of_file(&name, why);
    let cannot = |err: std::io::Error| match err.kind() {
        std::io::ErrorKind::NotFound => refused("there is no such file".to_owned()),
        _ => refused(format!("can't be read: {err}")),
    };

    // Asked before opening: a pipe would block there.
    let kind = std::fs::metadata(path).map_err(cannot)?;
    if kind.is_dir() {
        return Err(refused("is a directory: name the file in it, such as topics.yaml".to_owned()));
    }
    if !kind.is_file() {
        return Err(refused("is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let mut bounded = File::open(path).map_err(cannot)?.take(MAX_BYTES as u64 + 1);
    bounded.read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > MAX_BYTES {
        return Err(refused(TOO_LARGE.to_owned()));
    }
    String::from_utf8(bytes).map_err(|err| {
        let bytes = err.as_bytes();
        let before = &bytes[..err.utf8_error().valid_up_to()];
        let place = Place::after(&String::from_utf8_lossy(before));
        let byte = bytes[before.len()];
        TopicsError::at(
            &name,
            place,
            format!("byte 0x{byte:02x} is not UTF-8: save the file as UTF-8"),
        )
    })
}
