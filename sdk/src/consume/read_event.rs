//! A record as a typed event, outside any group: for tools that read along.

use super::{EventSet, Failure, OrReject as _, Received};
use crate::{
    codec::{Registry, frame, headers},
    record::InRecord,
};

/// The event in a record; `None` for a tombstone, and for a type that isn't in the set.
///
/// The failure says whether the record is bad (reject) or the registry away (unavailable).
pub async fn read_event<Set: EventSet>(
    registry: &Registry,
    record: &InRecord,
) -> Result<Option<Received<Set>>, Failure> {
    let Some(payload) = record.payload() else { return Ok(None) };
    let (id, datum) = frame::split(payload).or_reject("undecodable")?;
    let schema = match registry.cached(id) {
        Some(schema) => schema,
        None => registry.schema(id).await?,
    };
    let Some(event) = Set::decode(&schema, datum) else { return Ok(None) };
    let event = event.or_reject("undecodable")?;
    Ok(Some(Received { event, meta: headers::read(record), at: record.at().clone() }))
}
