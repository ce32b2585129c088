//! OrderRejected → a mail that says why.

use std::sync::Arc;

use orderly_schemas::OrderRejected;
use orderly_sdk::consume::{Context, Failure, Handler};

use crate::{
    notify::Notifier,
    scope::ShortTransactions,
    write_mail::{REJECTED, one_line},
};

impl Handler<OrderRejected, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: OrderRejected,
    ) -> Result<(), Failure> {
        let reason = one_line(&order.reason);
        self.notify(cx, &order.order_id, &REJECTED, &[("reason", &reason)]).await
    }
}
