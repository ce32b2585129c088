//! OrderConfirmed → a mail that says when the order is expected to be ready.

use std::sync::Arc;

use orderly_schemas::OrderConfirmed;
use orderly_sdk::consume::{Context, Failure, Handler};

use crate::{
    notify::Notifier,
    scope::ShortTransactions,
    write_mail::{CONFIRMED, moment},
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
        self.notify(cx, &order.order_id, &CONFIRMED, &[("when", &when)]).await
    }
}
