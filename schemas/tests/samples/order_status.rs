//! Samples of what becomes of orders.

use chrono::{DateTime, Utc};
use orderly_schemas::{
    Discount, OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed,
    OrderRefunded, OrderRejected, ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};

use super::{CAUSE, ORDER, Samples, amount, some};

impl Samples for OrderConfirmed {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 1,
            caused_by: CAUSE.into(),
            ready_at: Some(time("2026-11-20T12:34:56.789Z")),
            discounts: vec![
                Discount {
                    rule: "pizza Tuesday".into(),
                    coupon: some("PIZZA2"),
                    sku: some("PIZZA-MARGHERITA-L"),
                    amount: amount("2.10"),
                },
                Discount {
                    rule: "regulars".into(),
                    coupon: None,
                    sku: None,
                    amount: amount("0.01"),
                },
            ],
            to_pay: Some(amount("21.43")),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            sequence: 0,
            caused_by: "e".into(),
            ready_at: None,
            discounts: Vec::new(),
            to_pay: None,
        }
    }
}

impl Samples for OrderRejected {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 1,
            caused_by: CAUSE.into(),
            reason: "out of stock: 85123A".into(),
        }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into(), reason: String::new() }
    }
}

impl Samples for StageStarted {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 2,
            caused_by: CAUSE.into(),
            stage: "Bake".into(),
            ends_at: time("2026-11-20T12:34:56.789Z"),
            station: Some(4),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            sequence: 0,
            caused_by: "e".into(),
            stage: String::new(),
            ends_at: time("1969-12-31T23:59:59.999Z"),
            station: None,
        }
    }
}

impl Samples for StageQueued {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 2,
            caused_by: CAUSE.into(),
            stage: "Oven".into(),
            ahead: 17,
        }
    }

    fn minimal() -> Self {
        let (order_id, caused_by) = ("1".into(), "e".into());
        Self { order_id, sequence: 0, caused_by, stage: String::new(), ahead: 0 }
    }
}

impl Samples for StageCompleted {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: i64::MAX,
            caused_by: CAUSE.into(),
            stage: "Bake".into(),
        }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into(), stage: String::new() }
    }
}

impl Samples for ReadyForPickup {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self { order_id: ORDER.into(), sequence: 8, caused_by: CAUSE.into() }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into() }
    }
}

impl Samples for OrderCompleted {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self { order_id: ORDER.into(), sequence: 9, caused_by: CAUSE.into() }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into() }
    }
}

impl Samples for OrderCancelled {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 3,
            caused_by: CAUSE.into(),
            reason: "asked for by the customer".into(),
        }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into(), reason: String::new() }
    }
}

impl Samples for OrderCancellationRefused {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 3,
            caused_by: CAUSE.into(),
            reason: "asked for by the customer".into(),
        }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), sequence: 0, caused_by: "e".into(), reason: String::new() }
    }
}

impl Samples for OrderRefunded {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            sequence: 10,
            caused_by: CAUSE.into(),
            amount: amount("20.99"),
            currency: "EUR".into(),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            sequence: 0,
            caused_by: "e".into(),
            amount: amount("1"),
            currency: "EUR".into(),
        }
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
