//! ReadyForPickup → the customer hears that the order can be collected.

use std::sync::Arc;

use orderly_schemas::ReadyForPickup;
use orderly_sdk::consume::{Context, Failure, Handler};
use serde_json::json;

use crate::{
    notify::{Notice, Notifier},
    scope::ShortTransactions,
    templates::{READY, moment},
};

impl Handler<ReadyForPickup, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: ReadyForPickup,
    ) -> Result<(), Failure> {
        let since = moment(cx.meta().time);
        let data = json!({ "sequence": order.sequence });
        let notice = Notice { template: &READY, values: &[("since", &since)], data };
        self.notify(cx, &order.order_id, notice).await
    }
}
