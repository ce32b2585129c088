//! Sales and returns to events, on their way to Kafka with many in flight.
//!
//! An event's id derives from the format and the invoice's number: importing the same file again
//! makes known repeats, not second orders.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use orderly_schemas::{OrderLine, OrderPlaced, OrderReturned, ProductChanged, StockCounted};
use orderly_sdk::{
    EventId, Meta,
    codec::{Declared, Encoders},
    emit::{EmitError, Emitter, Pending, Receipt},
};
use tokio::sync::mpsc;

use crate::{Document, Format, Import, ImportError, Invoice, Tally};

/// The service's name.
pub const NAME: &str = "importer";

/// Documents read and not yet sent.
const MOST_READ_AHEAD: usize = 256;
/// Events sent and not yet answered.
const MOST_IN_FLIGHT: usize = 2_000;
/// Times that an event is emitted before the import gives up.
const ATTEMPTS: u32 = 5;

/// What the importer emits of a file's documents.
pub fn declares() -> Declared {
    Encoders::of(NAME).event::<OrderPlaced>().event::<OrderReturned>()
}

/// The same, and what fills the shelves.
pub fn declares_with_shelves() -> Declared {
    declares().event::<ProductChanged>().event::<StockCounted>()
}

/// An event that was accepted.
pub struct Accepted {
    /// The invoice's number.
    pub order_id: String,
    /// It is an order; else a return.
    pub is_order: bool,
    /// Where it lies, and its id.
    pub receipt: Receipt,
    /// From sending to acknowledgement.
    pub took: Duration,
}

/// How far an import is.
pub struct Progress {
    /// Bytes read of the file or files, as they lie on disk.
    pub bytes: u64,
    /// Their number, where it is known.
    pub total_bytes: Option<u64>,
}

/// Reads it all, emits it all, and waits for every acknowledgement. `heard` is told of each.
///
/// Reading runs on a thread of its own; memory holds a bounded number of documents.
pub async fn emit_documents(
    import: Import,
    format: Format,
    emitter: &Emitter,
    mut heard: impl FnMut(Accepted),
    mut progress: impl FnMut(Progress),
) -> Result<Tally, EmitDocumentsError> {
    let (sender, mut documents) = mpsc::channel(MOST_READ_AHEAD);
    let reading = tokio::task::spawn_blocking(move || read(import, &sender));
    let source = Arc::clone(emitter.encoders().source());
    let mut in_flight: VecDeque<Sent> = VecDeque::new();
    while let Some((document, at)) = documents.recv().await {
        let sent = Sent::send(document, format, emitter, &source).await?;
        in_flight.push_back(sent);
        if in_flight.len() >= MOST_IN_FLIGHT
            && let Some(oldest) = in_flight.pop_front()
        {
            heard(oldest.accepted(emitter).await?);
        }
        progress(at);
    }
    for sent in in_flight {
        heard(sent.accepted(emitter).await?);
    }
    match reading.await {
        Ok(read) => Ok(read?),
        Err(panic) => Err(EmitDocumentsError::Reader(panic.to_string())),
    }
}

/// Until the end, or until nobody takes any more.
fn read(
    mut import: Import,
    sender: &mpsc::Sender<(Document, Progress)>,
) -> Result<Tally, ImportError> {
    while let Some(document) = import.next() {
        let progress = Progress { bytes: import.bytes_read(), total_bytes: import.total_bytes() };
        if sender.blocking_send((document?, progress)).is_err() {
            break;
        }
    }
    Ok(import.tally().clone())
}

/// An event on its way.
struct Sent {
    event: Event,
    meta: Meta,
    pending: Pending,
    since: Instant,
}

enum Event {
    Placed(OrderPlaced),
    Returned(OrderReturned),
}

impl Sent {
    async fn send(
        document: Document,
        format: Format,
        emitter: &Emitter,
        source: &Arc<str>,
    ) -> Result<Self, EmitDocumentsError> {
        let (event, number, happened_at) = match document {
            Document::Sale(sale) => {
                let (number, at) = (sale.number.clone(), sale.happened_at);
                (Event::Placed(placed(sale)), number, at)
            }
            Document::Return(back) => {
                let (number, at) = (back.number.clone(), back.happened_at);
                (Event::Returned(returned(back)), number, at)
            }
        };
        let mut meta = Meta::new(source).at(happened_at);
        meta.id = EventId::derived(&["import", format.as_str(), &number]);
        meta.historic = true;
        let pending = match &event {
            Event::Placed(event) => emitter.send(event, &meta).await,
            Event::Returned(event) => emitter.send(event, &meta).await,
        };
        let pending = pending.map_err(|source| EmitDocumentsError::Emit { number, source })?;
        Ok(Self { event, meta, pending, since: Instant::now() })
    }

    /// Waits for the acknowledgement; without one, emits again under the same id.
    async fn accepted(self, emitter: &Emitter) -> Result<Accepted, EmitDocumentsError> {
        let (order_id, is_order) = match &self.event {
            Event::Placed(event) => (event.order_id.clone(), true),
            Event::Returned(event) => (event.order_id.clone(), false),
        };
        let mut outcome = self.pending.await;
        for _ in 1..ATTEMPTS {
            let Err(error) = &outcome else { break };
            tracing::warn!(%error, "emitted again under the same id");
            outcome = match &self.event {
                Event::Placed(event) => emitter.emit_as(event, &self.meta).await,
                Event::Returned(event) => emitter.emit_as(event, &self.meta).await,
            };
        }
        match outcome {
            Ok(receipt) => Ok(Accepted { order_id, is_order, receipt, took: self.since.elapsed() }),
            Err(source) => Err(EmitDocumentsError::Emit { number: order_id, source }),
        }
    }
}

fn placed(sale: Invoice) -> OrderPlaced {
    OrderPlaced {
        order_id: sale.number,
        user_id: sale.user_id,
        currency: sale.currency.to_owned(),
        lines: sale.lines.into_iter().map(line).collect(),
        total: sale.total,
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    }
}

fn returned(back: Invoice) -> OrderReturned {
    OrderReturned {
        order_id: back.number,
        // The data doesn't say which sale a return belongs to.
        original_order_id: None,
        user_id: back.user_id,
        currency: back.currency.to_owned(),
        lines: back.lines.into_iter().map(line).collect(),
        total: back.total,
        reason: None,
    }
}

fn line(line: crate::Line) -> OrderLine {
    OrderLine {
        sku: line.sku,
        name: line.name,
        category: None,
        quantity: line.quantity,
        unit_price: line.unit_price,
    }
}

/// Why an import ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum EmitDocumentsError {
    /// The file.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// An event wasn't acknowledged after several attempts. Importing again is harmless.
    #[error("invoice {number} couldn't be emitted; import the file again when the cause is mended")]
    Emit {
        /// The invoice.
        number: String,
        /// The last outcome.
        source: EmitError,
    },
    /// The reader's thread.
    #[error("the reader panicked: {0}")]
    Reader(String),
}
