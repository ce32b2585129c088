//! OrderRejected → the customer hears why.

use std::sync::Arc;

use orderly_schemas::OrderRejected;
use orderly_sdk::consume::{Context, Failure, Handler};
use serde_json::json;

use crate::{
    notify::{Notice, Notifier},
    scope::ShortTransactions,
    templates::{REJECTED, one_line},
};

impl Handler<OrderRejected, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: OrderRejected,
    ) -> Result<(), Failure> {
        let reason = one_line(&order.reason);
        let data = json!({ "sequence": order.sequence, "reason": reason });
        let notice = Notice { template: &REJECTED, values: &[("reason", &reason)], data };
        self.notify(cx, &order.order_id, notice).await
    }
}
