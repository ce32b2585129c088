//! The event that is measured: 512 bytes as a record's value, with what an order has: text, numbers,
//! a time, and lines.

use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// Its topic, without a prefix.
pub(crate) const TOPIC: &str = "measured";
/// Bytes of a record's value: Confluent's five and the datum.
pub(crate) const PAYLOAD: usize = 512;
/// Of each line.
const PIECES: i32 = 2;
/// Numbers begin here, so that each takes the same four bytes.
const FIRST: i64 = 2_000_000;
/// What is left of the payload when everything else is in it.
const NOTE: usize = 307;

/// Its schema, under another name where it is another event.
macro_rules! schema {
    ($name:literal) => {
        concat!(
            r#"{ "type": "record", "name": ""#,
            $name,
            r#"", "namespace": "orderly.bench", "fields": [
                { "name": "order_id", "type": "string" },
                { "name": "number", "type": "long" },
                { "name": "placed_at", "type": "long" },
                { "name": "customer", "type": "string" },
                { "name": "currency", "type": "string" },
                { "name": "total", "type": "string" },
                { "name": "lines", "type": { "type": "array", "items": {
                    "type": "record", "name": "Line", "fields": [
                        { "name": "sku", "type": "string" },
                        { "name": "quantity", "type": "int" },
                        { "name": "unit_price", "type": "string" }
                    ] } } },
                { "name": "note", "type": "string" }
            ] }"#
        )
    };
}
pub(crate) use schema;

/// An order, as far as a handler could tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// What it is ordered by.
    pub(crate) order_id: String,
    number: i64,
    /// Microseconds since 1970.
    pub(crate) placed_at: i64,
    customer: String,
    currency: String,
    total: String,
    lines: Vec<Line>,
    note: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    sku: String,
    quantity: i32,
    unit_price: String,
}

impl Event for Measured {
    const TYPE: &'static str = "orderly.bench.Measured";
    const TOPIC: &'static str = TOPIC;
    const SCHEMA: &'static str = schema!("Measured");

    fn key(&self) -> &str {
        &self.order_id
    }
}

impl Measured {
    /// The event of that number under the `key`-th key.
    pub(crate) fn new(key: u32, number: u64, placed_at: i64) -> Self {
        let mut random = Letters(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let lines = (0..6).map(|_| Line {
            sku: random.letters(12),
            quantity: PIECES,
            unit_price: "12.5000".into(),
        });
        let lines = lines.collect();
        Self {
            order_id: key_name(key),
            number: FIRST + number.cast_signed(),
            placed_at,
            customer: random.letters(24),
            currency: "EUR".into(),
            total: "150.0000".into(),
            lines,
            note: random.letters(NOTE),
        }
    }

    /// Its number in its set, from 0.
    pub(crate) fn number(&self) -> u64 {
        (self.number - FIRST).cast_unsigned()
    }

    /// With twice as much of everything.
    pub(crate) fn doubled(mut self) -> Self {
        self.lines.iter_mut().for_each(|line| line.quantity *= 2);
        self
    }

    pub(crate) fn is_doubled(&self) -> bool {
        self.lines.iter().all(|line| line.quantity == 2 * PIECES)
    }

    /// Which key it is of.
    pub(crate) fn key_number(&self) -> usize {
        self.order_id.trim_start_matches("order-").parse().unwrap_or_default()
    }
}

/// The `number`-th key.
pub(crate) fn key_name(number: u32) -> String {
    format!("order-{number:07}")
}

/// Letters that don't compress better than a customer's text would.
struct Letters(u64);

impl Letters {
    fn letters(&mut self, count: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz etnai";
        (0..count)
            .map(|_| {
                self.0 ^= self.0 << 13;
                self.0 ^= self.0 >> 7;
                self.0 ^= self.0 << 17;
                char::from(ALPHABET[(self.0 >> 59) as usize])
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use orderly_sdk::codec::Schema;

    use super::*;

    #[test]
    fn every_value_has_the_same_size() {
        let schema = Schema::parse(Measured::SCHEMA).unwrap();
        for (key, number) in [(0, 0), (99_999, 123_456_789), (7, 1_999_999)] {
            let event = Measured::new(key, number, 1_800_000_000_000_000);
            let mut datum = Vec::new();
            schema.encode(&event, &mut datum).unwrap();
            assert_eq!(datum.len() + 5, PAYLOAD);
            assert_eq!(schema.decode::<Measured>(&datum).unwrap(), event);
            assert_eq!((event.key_number(), event.number()), (key as usize, number));
        }
    }
}
