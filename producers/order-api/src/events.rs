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
