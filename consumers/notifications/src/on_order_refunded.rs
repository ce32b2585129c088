//! OrderRefunded → the callback address hears what was given back.

use std::sync::Arc;

use orderly_schemas::OrderRefunded;
use orderly_sdk::consume::{Context, Failure, Handler};
use serde_json::json;

use crate::{
    notify::{Notice, Notifier},
    scope::ShortTransactions,
    templates::REFUNDED,
};

impl Handler<OrderRefunded, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: OrderRefunded,
    ) -> Result<(), Failure> {
        let data = json!({
            "sequence": order.sequence,
            "amount": order.amount.to_string(),
            "currency": order.currency,
        });
        let notice = Notice { template: &REFUNDED, values: &[], data };
        self.notify(cx, &order.order_id, notice).await
    }
}
