//! Confluent's wire format: a zero byte, the schema's id in four bytes big-endian, the datum.
//! <https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>

use super::DecodeError;

/// Bytes before the datum.
const HEADER: usize = 5;

/// Room for most events. Allocators are quick below a kibibyte.
const ROOM: usize = 1_000;

/// Begins a frame: the datum is appended to what this returns.
pub(crate) fn begin(schema_id: u32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ROOM);
    frame.push(0);
    frame.extend_from_slice(&schema_id.to_be_bytes());
    frame
}

/// The schema's id and the datum.
pub fn split(payload: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    match payload {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ if payload.len() < HEADER => Err(DecodeError(format!(
            "value: {} bytes are too short for the Confluent wire format",
            payload.len()
        ))),
        [first, ..] => Err(DecodeError(format!(
            "value: begins with byte {first}, not with the 0 of the Confluent wire format"
        ))),
        [] => unreachable!("shorter than the header"),
    }
}
