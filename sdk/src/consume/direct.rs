//! The scope without a store: what the handler emitted is sent when it returned Ok, and the offset
//! moves when all of it is acknowledged. At least once, repeats under the same event ids.

use super::{Begun, Failure, Scope, Unit};
use crate::{
    OutRecord,
    emit::{EmitError, Emitter},
    kafka::KAFKA,
};

/// At-least-once, straight to Kafka.
#[derive(Clone, Default)]
pub struct Direct {
    emitter: Option<Emitter>,
}

impl Direct {
    /// Emits through this.
    pub fn through(emitter: Emitter) -> Self {
        Self { emitter: Some(emitter) }
    }
}

impl Scope for Direct {
    type Tx = ();

    const KNOWS_EVENTS: bool = false;

    async fn begin(&self, _: &Unit<'_>) -> Result<Begun<()>, Failure> {
        Ok(Begun::Fresh(()))
    }

    async fn commit(&self, (): (), _: &Unit<'_>, emitted: Vec<OutRecord>) -> Result<(), Failure> {
        if emitted.is_empty() {
            return Ok(());
        }
        let Some(emitter) = &self.emitter else {
            return Err(Failure::reject(
                "the handler emits, but its consumer has no emitter: \
                 Consumer::within(Direct::through(emitter))",
            ));
        };
        // What every record is done in is to stay small.
        Box::pin(send(emitter, emitted)).await
    }
}

/// Returns once all are acknowledged.
async fn send(emitter: &Emitter, emitted: Vec<OutRecord>) -> Result<(), Failure> {
    let mut pending = Vec::with_capacity(emitted.len());
    for record in emitted {
        pending.push(emitter.send_encoded(record).await.map_err(failure)?);
    }
    for outcome in pending {
        outcome.await.map_err(failure)?;
    }
    Ok(())
}

/// A record that never fits is the handler's fault; else Kafka's.
fn failure(error: EmitError) -> Failure {
    match error {
        EmitError::NotWritten(e) if e.is_final => Failure::reject(e),
        other => Failure::unavailable(KAFKA, other),
    }
}
