//! A record's headers as one column: for each name and value its length (4 bytes, big-endian) and
//! its bytes.

pub(super) fn encode(headers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        put(&mut bytes, name.as_bytes());
        put(&mut bytes, value);
    }
    bytes
}

/// `None` where the bytes are none that [`encode`] gives.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let name = std::str::from_utf8(take(&mut bytes)?).ok()?;
        headers.push((name.to_owned(), take(&mut bytes)?.to_vec()));
    }
    Some(headers)
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    // A record is far smaller than 4 GiB; cut rather than wrong, were it not.
    let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(&part[..part.len().min(len as usize)]);
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_come_back_as_they_were(
            headers in prop::collection::vec((".{0,20}", prop::collection::vec(any::<u8>(), 0..40)), 0..8)
        ) {
            prop_assert_eq!(decode(&encode(&headers)), Some(headers));
        }

        #[test]
        fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(headers) = decode(&bytes) {
                prop_assert_eq!(encode(&headers), bytes);
            }
        }
    }
}
