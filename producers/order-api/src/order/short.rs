//! The bodies of what is done with an order that was placed: cancelled, collected, returned.

use std::collections::HashSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    fields,
    found::{At, Found},
    read::{parse, read_lines},
};
use crate::problem::{Kind, Problem};

/// Goods that came back: products with numbers of pieces, each product once.
#[derive(Debug)]
pub(crate) struct Return {
    pub(crate) lines: Vec<(String, i32)>,
    pub(crate) reason: Option<String>,
}

/// A body that says why, or nothing.
pub(crate) fn reason(body: &[u8]) -> Result<Option<String>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let json = parse(body)?;
    let mut found = Found::default();
    let reason = found
        .fields(At::Body, &json, ["reason"])
        .and_then(|[reason]| found.optional(At::Body, "reason", reason, fields::reason));
    match reason {
        Some(reason) if found.is_empty() => Ok(reason),
        _ => Err(found.into_problem(Kind::InvalidBody)),
    }
}

/// A body that says nothing: none, or an empty object.
pub(crate) fn nothing(body: &[u8]) -> Result<(), Problem> {
    if body.is_empty() {
        return Ok(());
    }
    let json = parse(body)?;
    let mut found = Found::default();
    let _ = found.fields(At::Body, &json, []);
    if found.is_empty() { Ok(()) } else { Err(found.into_problem(Kind::InvalidBody)) }
}

/// A body that says what came back.
pub(crate) fn returned(body: &[u8]) -> Result<Return, Problem> {
    let json = parse(body)?;
    let mut found = Found::default();
    let read = found.fields(At::Body, &json, ["lines", "reason"]).and_then(|[lines, reason]| {
        let reason = found.optional(At::Body, "reason", reason, fields::reason);
        let lines = read_lines(lines, &mut found, |number, line, found| {
            let at = At::Line(number);
            let [sku, quantity] = found.fields(at, line, ["sku", "quantity"])?;
            let sku = found.required(at, "sku", sku, fields::id);
            let quantity = found.required(at, "quantity", quantity, fields::quantity);
            Some((number, sku?, quantity?))
        })?;
        let mut seen = HashSet::new();
        for (number, sku, _) in &lines {
            if !seen.insert(sku) {
                found.add(At::Line(*number).field("sku"), "is named by an earlier line already");
            }
        }
        let lines = lines.into_iter().map(|(_, sku, quantity)| (sku, quantity)).collect();
        Some(Return { lines, reason: reason? })
    });
    match read {
        Some(read) if found.is_empty() => Ok(read),
        _ => Err(found.into_problem(Kind::InvalidBody)),
    }
}

impl Return {
    /// SHA-256, in hex, of what it says: equal for bodies that say the same.
    pub(crate) fn hash(&self) -> String {
        #[derive(Serialize)]
        struct Canonical<'a> {
            lines: &'a [(String, i32)],
            reason: Option<&'a str>,
        }
        let canonical = Canonical { lines: &self.lines, reason: self.reason.as_deref() };
        // Strings and integers under fixed names: it can't fail.
        hex::encode(Sha256::digest(serde_json::to_vec(&canonical).unwrap_or_default()))
    }
}
