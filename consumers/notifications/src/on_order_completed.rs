//! OrderCompleted → the callback address hears that the order was collected.

use std::sync::Arc;

use orderly_schemas::OrderCompleted;
use orderly_sdk::consume::{Context, Failure, Handler};
use serde_json::json;

use crate::{
    notify::{Notice, Notifier},
    scope::ShortTransactions,
    templates::COMPLETED,
};

impl Handler<OrderCompleted, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: OrderCompleted,
    ) -> Result<(), Failure> {
        let data = json!({ "sequence": order.sequence });
        let notice = Notice { template: &COMPLETED, values: &[], data };
        self.notify(cx, &order.order_id, notice).await
    }
}
