//! A ledger as text, in the metadata of a commit: `o1:<next>:<form><base64>`.
//!
//! `r`: lengths of runs, unfinished and done in turn, as LEB128. `b`: a bit for each offset from
//! `next` on, set where unfinished, behind the number of offsets as LEB128. The shorter one is
//! written. The offset it belongs to is part of it, so that it can't be read beside another.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD as BASE64};

use crate::{
    Position,
    ledger::{FEW, LONGEST_SPAN, SHORT_SPAN},
};

/// Most bytes that Kafka keeps with a commit (`offset.metadata.max.bytes`, its default).
pub const MOST_TEXT: usize = 4_096;

/// As text; empty where nothing is done beyond.
pub(crate) fn encode(next: i64, runs: &[i64]) -> String {
    if runs.len() < 2 {
        return String::new();
    }
    let mut as_runs = Vec::with_capacity(runs.len());
    runs.iter().for_each(|run| put(&mut as_runs, *run));
    let span: i64 = runs.iter().sum();
    let (form, bytes) = match usize::try_from(span / 8) {
        Ok(bytes) if bytes + 4 < as_runs.len() => ('b', as_bits(span, runs)),
        _ => ('r', as_runs),
    };
    format!("o1:{next}:{form}{}", BASE64.encode(bytes))
}

/// Lengths of runs; `None` where the text isn't one of ours, is damaged, or belongs to another offset.
pub(crate) fn decode(position: &Position) -> Option<Vec<i64>> {
    let text = &position.done_beyond;
    let (next, bytes) = text.strip_prefix("o1:")?.split_once(':')?;
    if text.len() > MOST_TEXT || next.parse() != Ok(position.next) {
        return None;
    }
    let form = bytes.chars().next().filter(char::is_ascii)?;
    let bytes = BASE64.decode(&bytes[1..]).ok()?;
    let runs = match form {
        'r' => {
            let (mut rest, mut runs) = (&*bytes, Vec::new());
            while !rest.is_empty() {
                runs.push(take(&mut rest)?);
            }
            runs
        }
        'b' => from_bits(&bytes)?,
        _ => return None,
    };
    let span = runs.iter().try_fold(0_i64, |sum, run| sum.checked_add(*run))?;
    let end = position.next.checked_add(span)?;
    let unfinished: i64 = runs.iter().step_by(2).sum();
    // What a ledger of ours can be; another's could outgrow its text later.
    let is_ours = span <= SHORT_SPAN || (unfinished <= FEW && span <= LONGEST_SPAN);
    let is_sound = position.next >= 0 && end < i64::MAX && runs.iter().all(|run| *run > 0);
    (is_ours && is_sound).then_some(runs)
}

fn as_bits(span: i64, runs: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, span);
    let (mut byte, mut bits) = (0_u8, 0);
    for (i, run) in runs.iter().enumerate() {
        for _ in 0..*run {
            byte |= u8::from(i % 2 == 0) << bits;
            bits += 1;
            if bits == 8 {
                bytes.push(std::mem::take(&mut byte));
                bits = 0;
            }
        }
    }
    if bits > 0 {
        bytes.push(byte);
    }
    bytes
}

fn from_bits(bytes: &[u8]) -> Option<Vec<i64>> {
    let mut rest = bytes;
    let span = usize::try_from(take(&mut rest)?).ok()?;
    if rest.len() != span.div_ceil(8) {
        return None;
    }
    let (mut runs, mut last) = (Vec::new(), true);
    for i in 0..span {
        let is_unfinished = rest[i / 8] >> (i % 8) & 1 == 1;
        match runs.last_mut() {
            Some(run) if is_unfinished == last => *run += 1,
            // The first is unfinished: the text begins where the first such record lies.
            None if !is_unfinished => return None,
            _ => runs.push(1),
        }
        last = is_unfinished;
    }
    Some(runs)
}

fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = number.unsigned_abs();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_i64;
    for shift in [0, 7, 14, 21, 28] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= i64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
