//! A record's headers in one buffer: of each its name and its value, before either its length in four
//! bytes, big-endian. So they lie in a record's own copy, and in an outbox's rows.

use std::fmt;

/// Names and values, in order; a name may come more than once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecordHeaders {
    /// Names are text.
    bytes: Vec<u8>,
}

impl RecordHeaders {
    /// None, and room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// One more, behind the others.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        put(&mut self.bytes, name.as_bytes());
        put(&mut self.bytes, value);
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        Pairs(&self.bytes).filter_map(named)
    }

    /// The last one of that name, which is the one that counts.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        last(Pairs(&self.bytes), name)
    }

    /// The same, where it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The buffer.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Those whose buffer this is; `None` where it ends in the middle of one, or a name is no text.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            std::str::from_utf8(take(&mut left)?).ok()?;
            take(&mut left)?;
        }
        Some(Self { bytes })
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for RecordHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }
}

impl fmt::Debug for RecordHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_map().entries(pairs).finish()
    }
}

/// A header whose name is text.
pub(super) fn named<'a>((name, value): (&'a [u8], &'a [u8])) -> Option<(&'a str, &'a [u8])> {
    Some((std::str::from_utf8(name).ok()?, value))
}

/// The last value of that name.
pub(super) fn last<'a>(
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    name: &str,
) -> Option<&'a [u8]> {
    pairs.filter(|(its, _)| *its == name.as_bytes()).last().map(|(_, value)| value)
}

/// What is left of a buffer: names and values.
pub(super) struct Pairs<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((take(&mut self.0)?, take(&mut self.0)?))
    }
}

/// In the protocol lengths are of 31 bits, and so is that of a whole record: what is longer is cut,
/// rather than that the rest is read wrongly.
pub(super) fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&part[..part.len().min(length as usize)]);
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
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
            pairs in prop::collection::vec((".{0,20}", prop::collection::vec(any::<u8>(), 0..40)), 0..8)
        ) {
            let headers: RecordHeaders = pairs.iter().cloned().collect();
            let read = RecordHeaders::from_bytes(headers.as_bytes().to_vec());
            prop_assert_eq!(read.as_ref(), Some(&headers));
            let read: Vec<_> = headers.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn any_bytes_are_headers_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(headers) = RecordHeaders::from_bytes(bytes.clone()) {
                let again: RecordHeaders = headers.iter().collect();
                prop_assert_eq!(again.as_bytes(), bytes);
            }
        }
    }
}
