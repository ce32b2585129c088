//! What a request says of itself: its header, and whose transaction it is about. That is all at its
//! beginning; what follows is bytes to us.

/// Requests of which something can be ordered. Whoever doesn't use transactions sends only the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as Kafka's protocol names them")]
pub enum Api {
    Produce,
    InitProducerId,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    EndTxn,
    TxnOffsetCommit,
}

impl Api {
    fn of(key: i16) -> Option<Self> {
        Some(match key {
            0 => Self::Produce,
            22 => Self::InitProducerId,
            24 => Self::AddPartitionsToTxn,
            25 => Self::AddOffsetsToTxn,
            26 => Self::EndTxn,
            28 => Self::TxnOffsetCommit,
            _ => return None,
        })
    }

    /// From this version on its header and strings are written the compact way.
    pub(super) fn compact_from(self) -> i16 {
        match self {
            Self::Produce => 9,
            Self::InitProducerId => 2,
            Self::AddPartitionsToTxn | Self::AddOffsetsToTxn => 3,
            Self::EndTxn | Self::TxnOffsetCommit => 3,
        }
    }

    /// From this version on the transactional id isn't the first thing behind the header.
    fn unknown_from(self) -> i16 {
        match self {
            Self::AddPartitionsToTxn => 4, // of many transactions at once, as brokers ask
            _ => i16::MAX,
        }
    }
}

/// Of a request as long as a broker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `None`: another one.
    pub(super) api: Option<Api>,
    pub(super) version: i16,
    /// The answer has the same.
    pub(super) correlation: i32,
    pub(super) client: Option<String>,
    pub(super) transaction: Option<String>,
}

impl Request {
    /// Out of its first bytes, behind its size. `None`: they are no request, or too few for its header.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let api = Api::of(rest.short()?);
        let (version, correlation, client) = (rest.short()?, rest.int()?, rest.text()?);
        let transaction = api.and_then(|api| transaction(api, version, rest));
        Some(Self { api, version, correlation, client, transaction })
    }
}

fn transaction(api: Api, version: i16, mut rest: Bytes<'_>) -> Option<String> {
    if version >= api.unknown_from() {
        None
    } else if version >= api.compact_from() {
        rest.tags()?;
        rest.compact_text()?
    } else if api == Api::Produce && version < 3 {
        None // older than transactions
    } else {
        rest.text()?
    }
}

/// Bytes from the front; `None` where there are too few.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn short(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn int(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn skip(&mut self, length: usize) -> Option<&[u8]> {
        let (skipped, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(skipped)
    }

    /// Null is there, and is nothing.
    fn text(&mut self) -> Option<Option<String>> {
        let Ok(length) = usize::try_from(self.short()?) else { return Some(None) };
        self.skip(length).map(read)
    }

    fn compact_text(&mut self) -> Option<Option<String>> {
        let Some(length) = self.varint()?.checked_sub(1) else { return Some(None) };
        self.skip(length).map(read)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn tags(&mut self) -> Option<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.skip(length)?;
        }
        Some(())
    }
}

fn read(bytes: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(api: i16, version: i16, body: &[u8]) -> Vec<u8> {
        let mut bytes = [api.to_be_bytes(), version.to_be_bytes()].concat();
        bytes.extend([0, 0, 0, 7, 0, 2, b'm', b'e']);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn whose_transaction_ends_is_read_in_both_ways_of_writing_it() {
        let old = Request::read(&request(26, 1, b"\x00\x03txn rest")).unwrap();
        assert_eq!((old.api, old.version, old.correlation), (Some(Api::EndTxn), 1, 7));
        assert_eq!(old.client.as_deref(), Some("me"));
        assert_eq!(old.transaction.as_deref(), Some("txn"));
        // One tag of two bytes, then the compact way.
        let compact = Request::read(&request(28, 3, b"\x01\x00\x02ab\x04txn rest")).unwrap();
        assert_eq!(compact.transaction.as_deref(), Some("txn"));
    }

    #[test]
    fn a_record_written_without_a_transaction_is_of_none() {
        assert_eq!(Request::read(&request(0, 7, &[0xff, 0xff, 0])).unwrap().transaction, None);
        assert_eq!(Request::read(&request(0, 9, &[0, 0, 0])).unwrap().transaction, None);
        assert_eq!(Request::read(&request(0, 2, b"\x00\x03txn")).unwrap().transaction, None);
    }

    #[test]
    fn requests_of_other_kinds_are_read_as_far_as_their_header() {
        let other = Request::read(&request(1, 11, b"anything")).unwrap();
        assert_eq!((other.api, other.transaction), (None, None));
    }

    #[test]
    fn bytes_that_are_no_request_are_none() {
        let whole = request(26, 1, b"\x00\x03txn");
        for length in 0..12 {
            assert_eq!(Request::read(&whole[..length]), None, "{length}");
        }
        for length in 12..whole.len() {
            assert_eq!(Request::read(&whole[..length]).unwrap().transaction, None, "{length}");
        }
        assert_eq!(Request::read(&request(28, 3, &[0xff; 40])).unwrap().transaction, None);
    }
}
