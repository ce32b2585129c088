//! OrderConfirmed → the customer hears when the order is expected to be ready.

use std::sync::Arc;

use orderly_schemas::OrderConfirmed;
use orderly_sdk::consume::{Context, Failure, Handler};
use serde_json::json;

use crate::{
    notify::{Notice, Notifier},
    scope::ShortTransactions,
    templates::{CONFIRMED, moment},
};

impl Handler<OrderConfirmed, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: OrderConfirmed,
    ) -> Result<(), Failure> {
        let when = match order.ready_at {
            Some(time) => format!("Expected to be ready: {}", moment(time)),
            None => "When it will be ready can't be said yet.".to_owned(),
        };
        let data = json!({
            "sequence": order.sequence,
            "ready_at": order.ready_at,
            "to_pay": order.to_pay.map(|amount| amount.to_string()),
        });
        let notice = Notice { template: &CONFIRMED, values: &[("when", &when)], data };
        self.notify(cx, &order.order_id, notice).await
    }
}
