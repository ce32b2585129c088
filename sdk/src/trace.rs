//! Spans, joined to the traces that records carry in their `traceparent`
//! (<https://www.w3.org/TR/trace-context/>). Attributes by OpenTelemetry's conventions for Kafka
//! (<https://opentelemetry.io/docs/specs/semconv/messaging/kafka/>).
//!
//! They are `tracing` spans at level INFO, for whatever subscriber the program has. With the feature
//! `otel` and `tracing-opentelemetry`'s layer among them, a record's span is a child of the span that
//! emitted it, a batch's is linked to those of all its events, and what a handler emits carries its
//! span on. Without, spans and log lines in them still show the `traceparent`.

use std::sync::Arc;

use tracing::Span;
use uuid::{Uuid, fmt::Simple};

use crate::{codec::headers::MetaOf, record::Coordinates};

/// What a consumer does with one record, as a child of the span that emitted it.
pub(crate) fn of_record(group: &str, at: &Coordinates, meta: &MetaOf<'_>, attempt: u32) -> Span {
    let span = process(group, at, attempt, Some(meta), None);
    if !span.is_disabled() {
        joined::to_parent(&span, meta.get().traceparent.as_deref());
    }
    span
}

/// What a consumer does with a batch of a partition, linked to the spans that emitted its events.
pub(crate) fn of_batch<'t>(
    group: &str,
    first: &Coordinates,
    count: usize,
    parents: impl Iterator<Item = &'t str>,
    attempt: u32,
) -> Span {
    let span = process(group, first, attempt, None, Some(count));
    parents.for_each(|parent| joined::to_link(&span, parent));
    span
}

/// Of one event, or of so many; what is `None` isn't recorded.
fn process(
    group: &str,
    at: &Coordinates,
    attempt: u32,
    one: Option<&MetaOf<'_>>,
    count: Option<usize>,
) -> Span {
    tracing::info_span!(
        "process",
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.consumer.group.name = group,
        messaging.destination.name = &*at.partition.topic,
        messaging.destination.partition.id = at.partition.partition,
        messaging.kafka.offset = at.offset,
        messaging.message.id = one.map(|meta| tracing::field::display(meta.get().id)),
        messaging.batch.message_count = count,
        attempt,
        traceparent = one.and_then(|meta| meta.get().traceparent.as_deref()),
    )
}

/// What an event carries that is emitted here: the span that we are in, where there is one; else a
/// trace that begins with it.
pub(crate) fn begin() -> Arc<str> {
    joined::here().unwrap_or_else(|| {
        let mut trace = [0; Simple::LENGTH];
        let trace = Uuid::new_v4().simple().encode_lower(&mut trace);
        written(trace, "01")
    })
}

/// The same for what a record with this `traceparent` caused: its trace goes on.
pub(crate) fn next(parent: Option<&str>) -> Arc<str> {
    let unseen = || {
        let Parent { trace, flags, .. } = Parent::of(parent?)?;
        Some(written(trace, flags))
    };
    joined::here().or_else(unseen).unwrap_or_else(begin)
}

/// A version-00 `traceparent`.
struct Parent<'a> {
    trace: &'a str,
    #[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "only what joins it asks"))]
    span: &'a str,
    flags: &'a str,
}

impl<'a> Parent<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |s: &str, len: usize| {
            s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_valid = version == "00"
            && parts.next().is_none()
            && is_hex(trace, 32)
            && trace.bytes().any(|b| b != b'0')
            && is_hex(span, 16)
            && is_hex(flags, 2);
        is_valid.then_some(Self { trace, span, flags })
    }
}

/// A new span of that trace.
fn written(trace: &str, flags: &str) -> Arc<str> {
    // The random tail of a UUIDv4; its first half holds the version's fixed bits. Its variant keeps it
    // from being nothing but zeros.
    let mut span = [0; Simple::LENGTH];
    let (_, span) = Uuid::new_v4().simple().encode_lower(&mut span).split_at(16);
    let mut text = String::with_capacity(64);
    for part in ["00-", trace, "-", span, "-", flags] {
        text.push_str(part);
    }
    text.into()
}

#[cfg(feature = "otel")]
mod joined {
    use std::sync::Arc;

    use opentelemetry::{
        Context,
        trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    use super::Parent;

    pub(super) fn to_parent(span: &Span, traceparent: Option<&str>) {
        if !span.is_disabled()
            && let Some(parent) = traceparent.and_then(remote)
        {
            // An error says that no layer of OpenTelemetry listens.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
    }

    pub(super) fn to_link(span: &Span, traceparent: &str) {
        if !span.is_disabled()
            && let Some(linked) = remote(traceparent)
        {
            span.add_link(linked);
        }
    }

    pub(super) fn here() -> Option<Arc<str>> {
        let here = Span::current();
        if here.is_disabled() {
            return None;
        }
        let context = here.context();
        let span = context.span();
        let it = span.span_context();
        let (trace, span, flags) = (it.trace_id(), it.span_id(), it.trace_flags().to_u8());
        it.is_valid().then(|| format!("00-{trace}-{span}-{flags:02x}").into())
    }

    fn remote(traceparent: &str) -> Option<SpanContext> {
        let Parent { trace, span, flags } = Parent::of(traceparent)?;
        let trace = TraceId::from_hex(trace).ok()?;
        let span = SpanId::from_hex(span).ok()?;
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
    }
}

#[cfg(not(feature = "otel"))]
mod joined {
    use std::sync::Arc;

    use tracing::Span;

    pub(super) fn to_parent(_: &Span, _: Option<&str>) {}

    pub(super) fn to_link(_: &Span, _: &str) {}

    pub(super) fn here() -> Option<Arc<str>> {
        None
    }
}
