//! What can be seen of the service: each fact with its log line and its metric, in one place.
//! Nothing here takes a contact.

/// What became of one `POST /orders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    Accepted,
    Rejected,
    Unknown,
    Replayed,
    Conflict,
    Invalid,
}

pub(crate) fn order_answered(placement: Placement) {
    let outcome = match placement {
        Placement::Accepted => "accepted",
        Placement::Rejected => "rejected",
        Placement::Unknown => "unknown",
        Placement::Replayed => "replayed",
        Placement::Conflict => "conflict",
        Placement::Invalid => "invalid",
    };
    metrics::counter!("orderly_orders_total", "outcome" => outcome).increment(1);
}

/// The order is accepted, but what its key stands for isn't kept: a retry emits it again, under
/// the same ids.
pub(crate) fn answer_not_kept(order_id: &str, error: &(dyn std::error::Error + 'static)) {
    metrics::counter!("orderly_idempotency_unkept_total").increment(1);
    tracing::warn!(order_id, error, "an order's outcome isn't kept with its Idempotency-Key");
}

/// The order isn't written and the contact given for it lies in its topic until it expires.
pub(crate) fn contact_left(order_id: &str, why: &str) {
    metrics::counter!("orderly_contacts_left_total").increment(1);
    tracing::error!(order_id, why, "the contact of an order that was not written isn't deleted");
}

pub(crate) fn purged(rows: u64) {
    metrics::counter!("orderly_idempotency_purged_total").increment(rows);
    tracing::debug!(rows, "old Idempotency-Keys forgotten");
}

pub(crate) fn purge_failed(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "old Idempotency-Keys can't be forgotten; trying again later");
}

/// What was told to a client that follows an `order`, or the `kitchen`.
pub(crate) fn streamed(what: &'static str) {
    metrics::counter!("orderly_live_events_total", "stream" => what).increment(1);
}

/// A stream is open; dropped: not any more.
pub(crate) struct Streamed(&'static str);

impl Streamed {
    pub(crate) fn begin(what: &'static str) -> Self {
        metrics::gauge!("orderly_live_streams", "stream" => what).increment(1);
        Self(what)
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        metrics::gauge!("orderly_live_streams", "stream" => self.0).decrement(1);
    }
}

/// Clients didn't take what was told to them.
pub(crate) fn streams_cut_off(count: usize) {
    count_ended("cut_off", count);
}

/// Records were gone before they were read.
pub(crate) fn streams_torn(count: usize) {
    count_ended("torn", count);
    tracing::warn!(
        count,
        "who follows orders has to go on anew: records were gone before they were read"
    );
}

/// As many streams are open as may be.
pub(crate) fn stream_refused() {
    count_ended("refused", 1);
}

fn count_ended(why: &'static str, count: usize) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    metrics::counter!("orderly_live_ended_total", "why" => why).increment(count);
}

/// Who knew what an order is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadFrom {
    Memory,
    Redis,
    History,
}

pub(crate) fn order_read(from: ReadFrom) {
    let from = match from {
        ReadFrom::Memory => "memory",
        ReadFrom::Redis => "redis",
        ReadFrom::History => "history",
    };
    metrics::counter!("orderly_order_reads_total", "from" => from).increment(1);
}

/// Redis is left alone until it answers again.
pub(crate) fn redis_away(why: &str) {
    metrics::gauge!("orderly_cache_away").set(1.0);
    tracing::warn!(why, "Redis is away: each replica keeps its own of what was read");
}

pub(crate) fn redis_there() {
    metrics::gauge!("orderly_cache_away").set(0.0);
    tracing::info!("Redis is there: replicas share what was read");
}
