//! NUMERIC on the wire: digits in groups of four, and how many of them stand behind the point.
//! Exact both ways, the scale of zero included.

use bytes::{Buf as _, BufMut as _, BytesMut};
use rust_decimal::Decimal;

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;

#[allow(clippy::cast_possible_truncation)] // 28 digits, so at most 8 groups
pub(super) fn write(value: Decimal, out: &mut BytesMut) {
    let scale = value.scale();
    let groups_behind = scale.div_ceil(4);
    // At most 96 bits, and 10 for the last group's zeros.
    let mut rest = value.mantissa().unsigned_abs() * 10_u128.pow(groups_behind * 4 - scale);
    let mut groups = Vec::with_capacity(9);
    while rest > 0 {
        groups.push((rest % 10_000) as u16);
        rest /= 10_000;
    }
    let weight = groups.len() as i16 - groups_behind as i16 - 1;
    out.put_u16(groups.len() as u16);
    out.put_i16(if groups.is_empty() { 0 } else { weight });
    out.put_u16(if value.is_sign_negative() && !groups.is_empty() { NEGATIVE } else { POSITIVE });
    out.put_u16(scale as u16);
    for group in groups.iter().rev() {
        out.put_u16(*group);
    }
}

/// `None`: it is no number, or one of more digits than a decimal has.
pub(super) fn read(mut bytes: &[u8]) -> Option<Decimal> {
    let groups = bytes.try_get_u16().ok()?;
    let weight = bytes.try_get_i16().ok()?;
    let sign = bytes.try_get_u16().ok()?;
    let mut scale = u32::from(bytes.try_get_u16().ok()?);
    let mut mantissa: i128 = 0;
    for number in 0..groups {
        let group = i128::from(bytes.try_get_u16().ok()?);
        // Where the group's last digit stands, counted from the last digit kept.
        let place = 4 * (i64::from(weight) - i64::from(number)) + i64::from(scale);
        let power = 10_i128.checked_pow(u32::try_from(place.unsigned_abs()).ok()?)?;
        let part = if place >= 0 { group.checked_mul(power)? } else { group / power };
        mantissa = mantissa.checked_add(part)?;
    }
    while (scale > Decimal::MAX_SCALE || mantissa >> 96 != 0) && scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    let mantissa = match sign {
        POSITIVE => mantissa,
        NEGATIVE => -mantissa,
        _ => return None,
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn there_and_back(value: Decimal) -> Decimal {
        let mut bytes = BytesMut::new();
        write(value, &mut bytes);
        read(&bytes).unwrap()
    }

    proptest! {
        #[test]
        fn a_decimal_comes_back_digit_for_digit(
            mantissa in -79_228_162_514_264_337_593_543_950_335_i128..=79_228_162_514_264_337_593_543_950_335,
            small in -100_000_i128..100_000,
            scale in 0_u32..=28,
        ) {
            for mantissa in [mantissa, small] {
                let value = Decimal::from_i128_with_scale(mantissa, scale);
                prop_assert_eq!(there_and_back(value).to_string(), value.to_string());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn the_scale_of_nothing_is_kept() {
        assert_eq!(there_and_back("0.00".parse().unwrap()).to_string(), "0.00");
    }
}
