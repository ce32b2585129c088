//! What a handler is given beside the event.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Direct, Failure, Scope};
use crate::{
    Event, EventId, Meta, OutRecord,
    codec::{Encoders, headers::MetaOf},
    record::Coordinates,
};

/// What a handler is given beside the event.
pub struct Context<'a, S: Scope = Direct> {
    pub(super) tx: S::Tx,
    pub(super) meta: &'a MetaOf<'a>,
    pub(super) at: &'a Coordinates,
    pub(super) group: &'a Arc<str>,
    pub(super) attempt: u32,
    pub(super) encoders: Option<&'a Encoders>,
    pub(super) emitted: Vec<OutRecord>,
}

impl<S: Scope> Context<'_, S> {
    /// The transaction that effect, inbox row and emitted events commit in.
    pub fn tx(&mut self) -> &mut S::Tx {
        &mut self.tx
    }

    /// What travelled beside the event.
    pub fn meta(&self) -> &Meta {
        self.meta.get()
    }

    /// Where the record lies.
    pub fn at(&self) -> &Coordinates {
        self.at
    }

    /// Which run of the handler on this record this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Emits an event that happened now, caused by the one being handled. Held until the handler
    /// returns Ok; nothing of a run that failed is ever emitted.
    pub fn emit<E: Event>(&mut self, event: &E) -> Result<EventId, Failure> {
        self.emit_at(event, Utc::now())
    }

    /// The same for one that happened at another time.
    pub fn emit_at<E: Event>(
        &mut self,
        event: &E,
        time: DateTime<Utc>,
    ) -> Result<EventId, Failure> {
        let encoders = self.encoders.ok_or_else(|| {
            Failure::reject(format_args!(
                "group `{}` emits {}, but its consumer declares nothing: Consumer::emitting(…)",
                self.group,
                E::TYPE
            ))
        })?;
        let mut meta = self.meta().caused(encoders.source()).at(time);
        if !S::EMITS_ONCE {
            let ordinal = self.emitted.len().to_string();
            meta.id =
                EventId::derived(&[self.group, &self.meta().id.to_string(), E::TYPE, &ordinal]);
        }
        let record = encoders.record(event, &meta).map_err(Failure::reject)?;
        self.emitted.push(record);
        Ok(meta.id)
    }
}

/// What a batch handler is given beside the events.
pub struct BatchContext<'a, S: Scope = Direct> {
    pub(super) tx: S::Tx,
    pub(super) group: &'a Arc<str>,
    pub(super) attempt: u32,
}

impl<S: Scope> BatchContext<'_, S> {
    /// The transaction that the batch's effect and position commit in.
    pub fn tx(&mut self) -> &mut S::Tx {
        &mut self.tx
    }

    /// The group.
    pub fn group(&self) -> &str {
        self.group
    }

    /// Which run of the handler on this batch this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}
