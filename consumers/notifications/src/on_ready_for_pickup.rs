//! ReadyForPickup → a mail that the order can be collected.

use std::sync::Arc;

use orderly_schemas::ReadyForPickup;
use orderly_sdk::consume::{Context, Failure, Handler};

use crate::{
    notify::Notifier,
    scope::ShortTransactions,
    write_mail::{READY, moment},
};

impl Handler<ReadyForPickup, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order: ReadyForPickup,
    ) -> Result<(), Failure> {
        let since = moment(cx.meta().time);
        self.notify(cx, &order.order_id, &READY, &[("since", &since)]).await
    }
}
