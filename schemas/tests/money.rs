//! An amount is written as it is, or not at all.

use apache_avro::types::Value;
use orderly_schemas::{OrderLine, OrderPlaced, ProductChanged, money};
use orderly_sdk::Event;
use rust_decimal::Decimal;

use crate::{
    avro::{decode, encode, independent_value, try_encode},
    samples::Samples,
};

fn with_total(total: &str) -> OrderPlaced {
    OrderPlaced { total: total.parse().unwrap(), ..OrderPlaced::minimal() }
}

fn with_unit_price(unit_price: &str) -> OrderPlaced {
    OrderPlaced {
        lines: vec![OrderLine {
            sku: "A".into(),
            name: None,
            category: None,
            quantity: 1,
            unit_price: unit_price.parse().unwrap(),
        }],
        ..OrderPlaced::minimal()
    }
}

#[test]
fn an_amount_of_fewer_decimals_is_written_with_those_of_the_field() {
    for (few, full) in [("7", "7.00"), ("7.5", "7.50"), ("-7.5", "-7.50"), ("-0", "0.00")] {
        let datum = encode(&with_total(few));
        assert_eq!(datum, encode(&with_total(full)));
        assert_eq!(decode::<OrderPlaced>(&datum).unwrap().total.to_string(), full);
    }
    let read: OrderPlaced = decode(&encode(&with_unit_price("7.5"))).unwrap();
    assert_eq!(read.lines[0].unit_price.to_string(), "7.5000");
}

#[test]
fn an_independent_implementation_reads_the_same_unscaled_number() {
    for (total, unscaled) in [("7.5", 750_i64), ("-7.5", -750), ("1.28", 128), ("0", 0)] {
        let datum = encode(&with_total(total));
        let value = independent_value(OrderPlaced::SCHEMA, &datum);
        let Value::Record(fields) = value else { panic!("no record") };
        let (_, total) = fields.into_iter().find(|(name, _)| name == "total").unwrap();
        let Value::Decimal(total) = total else { panic!("no decimal") };
        let bytes: Vec<u8> = (&total).try_into().unwrap();
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        let number = bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte));
        assert_eq!(number, unscaled);
    }
}

#[test]
fn an_amount_of_more_decimals_fails_and_is_not_rounded() {
    for total in ["0.001", "0.005", "1.999", "1.000", "-0.001"] {
        let error = try_encode(&with_total(total)).unwrap_err().to_string();
        let expected = format!("amount {total} has more than 2 decimals: round it first");
        assert!(error.contains(&expected), "{error}");
        assert!(error.contains("orderly.OrderPlaced"), "{error}");
    }
    let error = try_encode(&with_unit_price("0.00005")).unwrap_err().to_string();
    assert!(error.contains("more than 4 decimals"), "{error}");
    let product = ProductChanged { price: "0.00005".parse().unwrap(), ..ProductChanged::minimal() };
    let error = try_encode(&product).unwrap_err().to_string();
    assert!(error.contains("more than 4 decimals"), "{error}");
}

#[test]
fn an_amount_has_18_digits_at_most() {
    for total in ["9999999999999999.99", "-9999999999999999.99"] {
        let read: OrderPlaced = decode(&encode(&with_total(total))).unwrap();
        assert_eq!(read.total.to_string(), total);
    }
    for total in ["10000000000000000", "-10000000000000000.00", "79228162514264337593543950335"] {
        let error = try_encode(&with_total(total)).unwrap_err().to_string();
        assert!(error.contains("more than 18 digits"), "{error}");
    }
    let error = try_encode(&with_unit_price("100000000000000")).unwrap_err().to_string();
    assert!(error.contains("more than 18 digits at 4 decimals"), "{error}");
}

#[test]
fn the_check_before_writing_says_the_same_as_writing() {
    for amount in ["0", "0.01", "0.001", "9999999999999999.99", "10000000000000000", "-0.00"] {
        let checked = money::check(&amount.parse().unwrap(), money::TOTAL_SCALE);
        assert_eq!(checked.is_ok(), try_encode(&with_total(amount)).is_ok(), "{amount}");
    }
    for extreme in [Decimal::MAX, Decimal::MIN, Decimal::new(1, 28)] {
        assert!(money::check(&extreme, money::UNIT_PRICE_SCALE).is_err());
    }
}
