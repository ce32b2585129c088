//! ContactGiven → where the order's customer is reached. A tombstone deletes it, also from what was sent
//! before.

use std::sync::Arc;

use orderly_schemas::ContactGiven;
use orderly_sdk::consume::{Context, DeletionHandler, Failure, Handler};

use crate::{notify::Notifier, scope::ShortTransactions, tables};

impl Handler<ContactGiven, ShortTransactions> for Arc<Notifier> {
    async fn handle(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        given: ContactGiven,
    ) -> Result<(), Failure> {
        let at = cx.meta().time;
        tables::keep_contact(cx.tx(), &given, at);
        Ok(())
    }
}

impl DeletionHandler<ContactGiven, ShortTransactions> for Arc<Notifier> {
    async fn handle_deletion(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order_id: &str,
    ) -> Result<(), Failure> {
        tables::forget_contact(cx.tx(), order_id);
        Ok(())
    }
}
