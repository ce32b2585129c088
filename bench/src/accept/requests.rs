//! What customers send: the bytes of a request, built before anything is measured.

use std::io::Write as _;

use crate::orders;

/// Bodies that are sent again and again.
const BODIES: u64 = 512;

/// The requests of a case.
pub(super) struct Requests {
    /// Of the header before the key, if there is to be one, and after it.
    parts: Vec<(Vec<u8>, Vec<u8>)>,
    is_keyed: bool,
    run: String,
}

impl Requests {
    /// Without an Idempotency-Key and a contact, or with both. Keys of one `run` are each used once.
    pub(super) fn new(is_keyed: bool, run: &str) -> Self {
        let parts = (0..BODIES).map(|number| {
            let body = orders::request(number, is_keyed).to_string();
            let head = "POST /orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n";
            let tail = format!("Content-Length: {}\r\n\r\n{body}", body.len());
            (head.to_owned().into_bytes(), tail.into_bytes())
        });
        Self { parts: parts.collect(), is_keyed, run: run.to_owned() }
    }

    /// Writes the request of that number over what `into` holds.
    pub(super) fn write(&self, number: u64, into: &mut Vec<u8>) {
        #[allow(clippy::cast_possible_truncation, reason = "below BODIES")]
        let (head, tail) = &self.parts[(number % BODIES) as usize];
        into.clear();
        into.extend_from_slice(head);
        if self.is_keyed {
            // Into a vector it can't fail.
            let _ = write!(into, "Idempotency-Key: {}-{number}\r\n", self.run);
        }
        into.extend_from_slice(tail);
    }
}
