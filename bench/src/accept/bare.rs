//! The limit: an axum handler that makes the same record of the same request, awaits its
//! acknowledgement, and answers. A process of its own, `orderly-bench bare-accept`.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use orderly_schemas::{OrderLine, OrderPlaced};
use orderly_sdk::{Event as _, codec::Schema};
use rdkafka::{
    ClientContext, Message as _,
    message::DeliveryResult,
    producer::{BaseRecord, ProducerContext, ThreadedProducer},
};
use rust_decimal::Decimal;
use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{Error, args::BareAccept, bare_producer};

struct Service {
    producer: ThreadedProducer<Answers>,
    topic: String,
    schema: Schema,
}

/// Tells each handler what became of its record.
struct Answers;

/// Partition and offset, or why not.
type Lies = Result<(i32, i64), String>;

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<oneshot::Sender<Lies>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let lies = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.to_string()),
        };
        // Whoever asked has gone away.
        let _ = waiting.send(lies);
    }
}

/// What it reads of a body.
#[derive(Deserialize)]
struct Order {
    user_id: Option<String>,
    currency: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    sku: String,
    name: Option<String>,
    quantity: i32,
    unit_price: Decimal,
}

/// Serves until it is ended.
pub(crate) async fn serve(args: &BareAccept) -> Result<(), Error> {
    let service = Service {
        producer: bare_producer::properties(&args.bootstrap, 0).create_with_context(Answers)?,
        topic: args.topic.clone(),
        schema: Schema::parse(OrderPlaced::SCHEMA)?,
    };
    let router = Router::new()
        .route("/orders", post(place))
        .route("/readyz", get(|| async {}))
        .with_state(Arc::new(service));
    let listener = tokio::net::TcpListener::bind(&args.listen).await?;
    let listener = listener.tap_io(|stream| {
        // Without it an answer is only later.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn place(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    match accept(&service, &body).await {
        Ok((order_id, answer)) => {
            let json = (header::CONTENT_TYPE, "application/json".to_owned());
            let location = (header::LOCATION, format!("/orders/{order_id}"));
            (StatusCode::ACCEPTED, [json, location], answer).into_response()
        }
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why.to_string()).into_response(),
    }
}

/// The event of a body.
pub(super) fn event(body: &[u8]) -> Result<OrderPlaced, Error> {
    let order: Order = serde_json::from_slice(body)?;
    let order_id = Uuid::now_v7().to_string();
    let line = |line: Line| {
        let mut unit_price = line.unit_price;
        unit_price.rescale(4);
        let Line { sku, name, quantity, .. } = line;
        OrderLine { sku, name, category: None, quantity, unit_price }
    };
    let lines: Vec<_> = order.lines.into_iter().map(line).collect();
    let amounts = lines.iter().map(|line| line.unit_price * Decimal::from(line.quantity));
    let mut total: Decimal = amounts.sum();
    total.rescale(2);
    Ok(OrderPlaced {
        order_id,
        user_id: order.user_id,
        currency: order.currency,
        lines,
        total,
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    })
}

async fn accept(service: &Service, body: &[u8]) -> Result<(String, String), Error> {
    let event = event(body)?;
    // Which id of a schema is written makes no difference to the work.
    let mut value = vec![0, 0, 0, 0, 1];
    service.schema.encode(&event, &mut value)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(now.as_millis())?;
    let headers = bare_producer::headers(OrderPlaced::TYPE, millis, &mut String::new());
    let (told, lies) = oneshot::channel();
    let record = BaseRecord::<str, [u8], _>::with_opaque_to(&service.topic, Box::new(told))
        .key(&*event.order_id)
        .payload(&value)
        .timestamp(millis)
        .headers(headers);
    service.producer.send(record).map_err(|(error, _)| error)?;
    let (partition, offset) = lies.await??;
    let answer = serde_json::json!({
        "order_id": event.order_id,
        "receipt": { "topic": service.topic, "partition": partition, "offset": offset },
    });
    Ok((event.order_id, answer.to_string()))
}
