//! What the handler makes of an event, and the handler.

use std::time::Duration;

use orderly_sdk::{
    Event,
    consume::{Context, Failure, Handler, Scope},
};
use serde::{Deserialize, Serialize};

use crate::{
    checking::Checked,
    event::{Measured, schema},
    waiting::wait,
};

/// Twice as much of everything. As large as what it is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Copied(Measured);

impl Event for Copied {
    const TYPE: &'static str = "orderly.bench.Copied";
    const TOPIC: &'static str = "copied";
    const SCHEMA: &'static str = schema!("Copied");

    fn key(&self) -> &str {
        &self.0.order_id
    }
}

impl Copied {
    pub(super) fn of(event: Measured) -> Self {
        Self(event.doubled())
    }
}

impl Checked for Copied {
    /// Where it isn't what the handler makes, it isn't there.
    fn counted(&self) -> Option<&Measured> {
        Some(&self.0).filter(|event| event.is_doubled())
    }
}

/// Waits, if it is to, and emits.
#[derive(Clone, Copy)]
pub(super) struct Copying {
    pub(super) wait: Duration,
}

impl<S: Scope> Handler<Measured, S> for Copying {
    async fn handle(&self, cx: &mut Context<'_, S>, event: Measured) -> Result<(), Failure> {
        if !self.wait.is_zero() {
            wait(self.wait).await;
        }
        cx.emit(&Copied::of(event))?;
        Ok(())
    }
}
