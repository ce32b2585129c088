//! Bytes that are no event are an error, and never a panic.
//!
//! How quickly is not timed: who did what these ask for would be at it for years, or out of memory.

use orderly_schemas::{OrderCollected, OrderConfirmed, OrderPlaced, StageStarted, UserChanged};
use orderly_sdk::{Event, codec::Schema};

use crate::{avro::encode, samples::Samples};

#[test]
fn an_event_cut_off_at_any_byte_is_an_error() {
    for_every_event!(cut_off);
}

fn cut_off<E: Samples>() {
    let schema = Schema::parse(E::SCHEMA).unwrap();
    for datum in E::both().map(|event| encode(&event)) {
        for end in 0..datum.len() {
            let read = schema.decode::<E>(&datum[..end]);
            assert!(read.is_err(), "{} of {} bytes: {read:?}", end, datum.len());
        }
    }
}

#[test]
fn bytes_left_over_are_an_error() {
    for_every_event!(left_over);
}

fn left_over<E: Samples>() {
    let schema = Schema::parse(E::SCHEMA).unwrap();
    for mut datum in E::both().map(|event| encode(&event)) {
        datum.push(0);
        let error = schema.decode::<E>(&datum).unwrap_err().to_string();
        assert!(error.contains(E::TYPE) && error.contains("1 bytes left over"), "{error}");
    }
}

#[test]
fn any_changed_byte_is_another_event_or_an_error_but_no_panic() {
    for_every_event!(no_panic);
}

fn no_panic<E: Samples>() {
    let schema = Schema::parse(E::SCHEMA).unwrap();
    for datum in E::both().map(|event| encode(&event)) {
        for place in 0..datum.len() {
            for byte in 0..=u8::MAX {
                let mut changed = datum.clone();
                changed[place] = byte;
                let _either = schema.decode::<E>(&changed);
            }
        }
    }
}

#[test]
fn an_array_that_claims_2_to_the_62_elements_is_refused() {
    refused::<OrderPlaced>(&[&order_up_to_lines(), &long(1 << 62)]);
    refused::<UserChanged>(&[&user_up_to_channels(), &long(1 << 62)]);
    // enough bytes to go on for a while
    refused::<UserChanged>(&[&user_up_to_channels(), &long(1 << 62), &[0; 100_000]]);
}

#[test]
fn an_array_with_a_negative_count_is_a_block_with_its_size_and_bounded_too() {
    for count in [-(1 << 62), i64::MIN, i64::MIN + 1] {
        refused::<UserChanged>(&[&user_up_to_channels(), &long(count), &long(8), &[0; 100_000]]);
    }
    // the legal use of it: one block of two elements, in two bytes, then the end
    let datum = [user_up_to_channels(), long(-2), long(2), long(0), long(1), long(0)].concat();
    let user: UserChanged = Schema::parse(UserChanged::SCHEMA).unwrap().decode(&datum).unwrap();
    assert_eq!(user.notify_by.len(), 2);
}

#[test]
fn many_small_blocks_are_bounded_together() {
    let blocks = |count| [[long(1), long(0)].concat().repeat(count), long(0)].concat();
    let datum = [user_up_to_channels(), blocks(10_000)].concat();
    let user: UserChanged = Schema::parse(UserChanged::SCHEMA).unwrap().decode(&datum).unwrap();
    assert_eq!(user.notify_by.len(), 10_000);
    refused::<UserChanged>(&[&user_up_to_channels(), &blocks(30_000)]);
}

#[test]
fn the_bytes_made_here_are_read_where_nothing_is_wrong_with_them() {
    let nothing_more = [long(0), long(0), long(0)].concat();
    let order = [order_up_to_lines(), long(0), long(2), vec![0x01, 0x00], nothing_more].concat();
    let order: OrderPlaced = Schema::parse(OrderPlaced::SCHEMA).unwrap().decode(&order).unwrap();
    assert_eq!(order.total.to_string(), "2.56");
    let stage = [text("1"), long(1), text("e"), text("Bake"), long(1000), long(0)].concat();
    let stage: StageStarted = Schema::parse(StageStarted::SCHEMA).unwrap().decode(&stage).unwrap();
    assert_eq!(stage.ends_at.timestamp(), 1);
}

#[test]
fn what_is_passed_over_is_bounded_too() {
    let more = |of: &str, bytes: &[u8]| {
        let field = format!(r#""fields": [{{"name": "more", "type": {of}}},"#);
        let later = OrderCollected::SCHEMA.replacen(r#""fields": ["#, &field, 1);
        let datum = [bytes.to_vec(), text("1")].concat();
        Schema::parse(&later).unwrap().decode::<OrderCollected>(&datum)
    };
    let nulls = r#"{"type": "array", "items": "null"}"#;
    assert!(more(nulls, &[long(3), long(0)].concat()).is_ok());
    assert!(more(nulls, &long(1 << 62)).is_err());
    assert!(more(nulls, &[long(-3), long(i64::MAX)].concat()).is_err());
    assert!(more(nulls, &[long(-3), long(-1)].concat()).is_err());
    let map = r#"{"type": "map", "values": "null"}"#;
    assert!(more(map, &[long(1), text("k"), long(0)].concat()).is_ok());
    assert!(more(map, &long(1 << 62)).is_err());
    assert!(more(r#""string""#, &long(2 << 30)).is_err());
    assert!(more(r#""bytes""#, &long(-1)).is_err());
    let chain = r#"{"type": "record", "name": "Chain", "fields": [
        {"name": "next", "type": ["null", "Chain"]}]}"#;
    assert!(more(chain, &[long(1), long(1), long(0)].concat()).is_ok());
    assert!(more(chain, &[long(1).repeat(1_000_000), long(0)].concat()).is_err());
}

#[test]
fn a_string_that_claims_2_gigabytes_is_refused() {
    for length in [2 << 30, i64::from(i32::MAX), i64::MAX] {
        refused::<OrderPlaced>(&[&long(length), b"a few bytes"]);
        refused::<OrderConfirmed>(&[&text("1"), &long(1), &long(length), b"a few bytes"]);
    }
}

#[test]
fn a_negative_length_is_refused() {
    for length in [-1, -64, i64::from(i32::MIN), i64::MIN] {
        refused::<OrderPlaced>(&[&long(length), b"a few bytes"]);
        refused::<OrderPlaced>(&[&order_up_to_lines(), &long(0), &long(length), &[0; 32]]);
    }
}

#[test]
fn an_amount_beyond_all_measure_is_refused() {
    for size in [13_usize, 16, 17, 1000] {
        let digits = vec![0x7f; size];
        let length = long(i64::try_from(size).unwrap());
        refused::<OrderPlaced>(&[&order_up_to_lines(), &long(0), &length, &digits]);
    }
}

#[test]
fn a_union_or_enum_out_of_range_is_refused() {
    for branch in [2, 1 << 40, -1, i64::MIN, i64::MAX] {
        refused::<OrderPlaced>(&[&text("1"), &long(branch), &[0; 32]]);
    }
    for symbol in [4, 1 << 40, -1, i64::MIN, i64::MAX] {
        refused::<UserChanged>(&[&user_up_to_channels(), &long(1), &long(symbol), &[0; 32]]);
    }
}

#[test]
fn a_number_that_never_ends_is_refused() {
    refused::<OrderPlaced>(&[&[0xff; 64]]);
    refused::<OrderConfirmed>(&[&text("1"), &[0xff; 64]]);
}

#[test]
fn text_that_is_no_utf8_is_refused() {
    refused::<OrderPlaced>(&[&long(2), &[0xc3, 0x28], &[0; 32]]);
}

#[test]
fn a_time_outside_the_calendar_is_refused() {
    for time in [i64::MAX, i64::MIN] {
        refused::<StageStarted>(&[&text("1"), &long(1), &text("e"), &text("Bake"), &long(time)]);
        refused::<OrderConfirmed>(&[&text("1"), &long(1), &text("e"), &long(1), &long(time)]);
    }
}

fn refused<E: Event + std::fmt::Debug>(parts: &[&[u8]]) {
    let read = Schema::parse(E::SCHEMA).unwrap().decode::<E>(&parts.concat());
    let error = read.expect_err("hostile bytes were read").to_string();
    assert!(error.contains(E::TYPE), "{error}");
    assert!(error.len() < 500, "{error}");
}

fn order_up_to_lines() -> Vec<u8> {
    [text("1"), long(0), text("EUR")].concat()
}

fn user_up_to_channels() -> Vec<u8> {
    [text("1"), long(0), long(0), long(0), long(0)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let length = i64::try_from(text.len()).unwrap();
    [long(length), text.as_bytes().to_vec()].concat()
}

/// Zigzag, seven bits a byte, as Avro writes every int, long, length, count and branch.
fn long(number: i64) -> Vec<u8> {
    let mut left = (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap());
    bytes
}
