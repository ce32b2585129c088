//! A batch of events → rows, in the transaction in which the member's position moves.

use orderly_sdk::consume::{BatchContext, BatchHandler, Failure, Received};
use orderly_stores::Positions;

use crate::{Happened, fold};

/// What the group's members do with their batches.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatch;

impl BatchHandler<Happened, Positions> for RecordBatch {
    async fn handle(
        &self,
        cx: &mut BatchContext<'_, Positions>,
        events: &[Received<Happened>],
    ) -> Result<(), Failure> {
        Ok(fold(cx.tx(), events).await?)
    }
}
