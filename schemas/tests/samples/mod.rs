//! Two values of every event: one with everything filled in, one with as little as there can be.

mod order_status;

use std::fmt::Debug;

use orderly_schemas::{
    Channel, ContactGiven, DeliveryOutcome, NotificationSent, OrderCancellationRequested,
    OrderCollected, OrderLine, OrderPlaced, OrderReturned, ProductChanged, ProductState,
    RequestedBy, StockCounted, UserChanged,
};
use orderly_sdk::Event;
use rust_decimal::Decimal;

/// Calls a generic function once for each event type; gives what it returned.
macro_rules! for_every_event {
    ($check:ident) => {
        [
            $check::<orderly_schemas::ContactGiven>(),
            $check::<orderly_schemas::NotificationSent>(),
            $check::<orderly_schemas::OrderCancellationRefused>(),
            $check::<orderly_schemas::OrderCancellationRequested>(),
            $check::<orderly_schemas::OrderCancelled>(),
            $check::<orderly_schemas::OrderCollected>(),
            $check::<orderly_schemas::OrderCompleted>(),
            $check::<orderly_schemas::OrderConfirmed>(),
            $check::<orderly_schemas::OrderPlaced>(),
            $check::<orderly_schemas::OrderRefunded>(),
            $check::<orderly_schemas::OrderRejected>(),
            $check::<orderly_schemas::OrderReturned>(),
            $check::<orderly_schemas::ProductChanged>(),
            $check::<orderly_schemas::ReadyForPickup>(),
            $check::<orderly_schemas::StageCompleted>(),
            $check::<orderly_schemas::StageQueued>(),
            $check::<orderly_schemas::StageStarted>(),
            $check::<orderly_schemas::StockCounted>(),
            $check::<orderly_schemas::UserChanged>(),
        ]
    };
}

pub(crate) trait Samples: Event + Debug + PartialEq {
    /// What [`Event::key`] of [`Samples::filled`] must say.
    const FILLED_KEY: &'static str;

    fn filled() -> Self;
    fn minimal() -> Self;

    fn both() -> [Self; 2] {
        [Self::filled(), Self::minimal()]
    }
}

const ORDER: &str = "0199c0de-7b1a-7c3e-9d52-3f1f0a6c4e21";
const CAUSE: &str = "0199c0de-7b1a-7000-8000-000000000001";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn lines() -> Vec<OrderLine> {
    vec![
        OrderLine {
            sku: "PIZZA-MARGHERITA-L".into(),
            name: some("Margherita, große"),
            category: some("pizza"),
            quantity: 2,
            unit_price: amount("10.4950"),
        },
        OrderLine {
            sku: "85123A".into(),
            name: None,
            category: None,
            quantity: i32::MAX,
            unit_price: amount("0"),
        },
        OrderLine {
            sku: "85123B".into(),
            name: some(""),
            category: some(""),
            quantity: 1,
            unit_price: amount("2.55"),
        },
    ]
}

impl Samples for OrderPlaced {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            user_id: some("17850"),
            currency: "GBP".into(),
            lines: lines(),
            total: amount("23.54"),
            caller: some("web-shop"),
            coupons: vec!["WELCOME".into(), "PIZZA2".into()],
            payment_token: some("tok_1a2b3c"),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            user_id: None,
            currency: "EUR".into(),
            lines: Vec::new(),
            total: amount("0"),
            caller: None,
            coupons: Vec::new(),
            payment_token: None,
        }
    }
}

impl Samples for OrderCancellationRequested {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            reason: some("ordered twice"),
            requested_by: RequestedBy::Operator,
        }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into(), reason: None, requested_by: RequestedBy::Customer }
    }
}

impl Samples for OrderCollected {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self { order_id: ORDER.into() }
    }

    fn minimal() -> Self {
        Self { order_id: "1".into() }
    }
}

impl Samples for OrderReturned {
    const FILLED_KEY: &'static str = "C536379";

    fn filled() -> Self {
        Self {
            order_id: "C536379".into(),
            original_order_id: some("536365"),
            user_id: some("14527"),
            currency: "GBP".into(),
            lines: lines(),
            total: amount("9999999999999999.99"),
            reason: some("broken on arrival"),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "C1".into(),
            original_order_id: None,
            user_id: None,
            currency: "EUR".into(),
            lines: Vec::new(),
            total: amount("0.01"),
            reason: None,
        }
    }
}

impl Samples for ProductChanged {
    const FILLED_KEY: &'static str = "PIZZA-MARGHERITA-L";

    fn filled() -> Self {
        Self {
            sku: "PIZZA-MARGHERITA-L".into(),
            name: "Margherita".into(),
            description: some("Tomato, mozzarella, basil."),
            category: some("pizza"),
            price: amount("10.4950"),
            currency: "EUR".into(),
            state: ProductState::Withdrawn,
        }
    }

    fn minimal() -> Self {
        Self {
            sku: "1".into(),
            name: String::new(),
            description: None,
            category: None,
            price: amount("0"),
            currency: "EUR".into(),
            state: ProductState::Active,
        }
    }
}

impl Samples for StockCounted {
    const FILLED_KEY: &'static str = "PIZZA-MARGHERITA-L";

    fn filled() -> Self {
        Self { sku: "PIZZA-MARGHERITA-L".into(), on_hand: 1_000_000 }
    }

    fn minimal() -> Self {
        Self { sku: "1".into(), on_hand: 0 }
    }
}

impl Samples for UserChanged {
    const FILLED_KEY: &'static str = "17850";

    fn filled() -> Self {
        Self {
            user_id: "17850".into(),
            name: some("Ada Example"),
            email: some("ada@example.org"),
            phone: some("+4930123456"),
            customer_group: some("regulars"),
            notify_by: vec![Channel::Webhook, Channel::Email, Channel::Sms],
        }
    }

    fn minimal() -> Self {
        Self {
            user_id: "1".into(),
            name: None,
            email: None,
            phone: None,
            customer_group: None,
            notify_by: Vec::new(),
        }
    }
}

impl Samples for ContactGiven {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            user_id: some("17850"),
            email: some("ada@example.org"),
            phone: some("+4930123456"),
            callback_url: some("https://shop.example.org/orders/hook"),
            caller: some("web-shop"),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            user_id: None,
            email: None,
            phone: None,
            callback_url: None,
            caller: None,
        }
    }
}

impl Samples for NotificationSent {
    const FILLED_KEY: &'static str = ORDER;

    fn filled() -> Self {
        Self {
            order_id: ORDER.into(),
            caused_by: CAUSE.into(),
            channel: Channel::Sms,
            template: "order-ready".into(),
            outcome: DeliveryOutcome::Failed,
            detail: some("503 from the provider, 5 attempts"),
        }
    }

    fn minimal() -> Self {
        Self {
            order_id: "1".into(),
            caused_by: "e".into(),
            channel: Channel::Email,
            template: String::new(),
            outcome: DeliveryOutcome::Sent,
            detail: None,
        }
    }
}
