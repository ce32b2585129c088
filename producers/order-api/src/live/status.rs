//! The status that an order has once an event happened to it, in history's words.

/// `None`: it stays as it is, or the event isn't known here.
pub(super) fn status_after(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "OrderPlaced" => "placed",
        "OrderConfirmed" => "confirmed",
        "OrderRejected" => "rejected",
        "StageQueued" => "queued",
        "StageStarted" | "StageCompleted" => "in_progress",
        "ReadyForPickup" => "ready",
        "OrderCompleted" => "completed",
        "OrderCancelled" => "cancelled",
        "OrderRefunded" => "refunded",
        _ => return None,
    })
}
