//! Spans belong to the traces of who emitted: a record's is a child, a batch's is linked.

use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use orderly_sdk::{
    consume::{BatchContext, BatchHandler, Consumer, Context, Direct, Failure, Handler, Received},
    emit::{EmitSettings, Emitter},
};
use tracing::{Instrument as _, info_span, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{
    batches::Anything,
    members::{run, stop},
    parts::{Greeted, Parted, Parts, greeted},
};

/// What this thread's spans come to; handlers are to run on it, too.
fn exported() -> (InMemorySpanExporter, DefaultGuard) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    (exporter, guard)
}

/// Waits for so many spans of that name.
async fn spans(exporter: &InMemorySpanExporter, name: &str, count: usize) -> Vec<SpanData> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let all = exporter.get_finished_spans().unwrap();
        let found: Vec<_> = all.into_iter().filter(|span| span.name == name).collect();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{} of {count} spans {name}", found.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn emit(emitter: &Emitter, number: i64) {
    let request = info_span!("request");
    emitter.emit(&greeted("a", number)).instrument(request).await.unwrap();
}

struct Parting;

impl Handler<Greeted> for Parting {
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        cx.emit(&Parted { name: event.name })?;
        Ok(())
    }
}

impl Handler<Parted> for Parting {
    async fn handle(&self, _: &mut Context<'_>, _: Parted) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn a_record_is_done_in_the_trace_that_emitted_it_and_what_it_emits_goes_on_in_it() {
    let (exporter, _guard) = exported();
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emit(&emitter, 1).await;
    let consumer = Consumer::new("group", &parts.config)
        .within(Direct::through(emitter))
        .emitting(parts.encoders("test").await)
        .on::<Greeted>(Parting)
        .on::<Parted>(Parting);
    let member = run(consumer);
    let [request] = &spans(&exporter, "request", 1).await[..] else { panic!("one") };
    let [first, second] = &spans(&exporter, "process", 2).await[..] else { panic!("two") };
    let parent = request.span_context.span_id();
    assert_ne!(parent, SpanId::INVALID);
    assert_eq!((first.parent_span_id, first.parent_span_is_remote), (parent, true));
    assert_eq!(second.parent_span_id, first.span_context.span_id());
    let traces = [first, second].map(|span| span.span_context.trace_id());
    assert_eq!(traces, [request.span_context.trace_id(); 2]);
    let said: Vec<_> =
        first.attributes.iter().map(|it| (it.key.as_str(), it.value.as_str())).collect();
    for (name, value) in [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", "greetings"),
        ("messaging.consumer.group.name", "group"),
        ("messaging.kafka.offset", "0"),
    ] {
        assert!(said.contains(&(name, value.into())), "{name} in {said:?}");
    }
    stop(member).await.unwrap();
}

struct Batches;

impl BatchHandler<Anything> for Batches {
    async fn handle(
        &self,
        _: &mut BatchContext<'_>,
        _: &[Received<Anything>],
    ) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_is_linked_to_the_traces_of_its_events() {
    let (exporter, _guard) = exported();
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..3 {
        emit(&emitter, number).await;
    }
    let member = run(Consumer::new("group", &parts.config).in_batches(Batches));
    let requests = spans(&exporter, "request", 3).await;
    let linked = async {
        let mut count = 1;
        loop {
            let batches = spans(&exporter, "process", count).await;
            let linked: Vec<_> = batches.iter().flat_map(|batch| batch.links.iter()).collect();
            if linked.len() >= 3 {
                return linked.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>();
            }
            count = batches.len() + 1;
        }
    };
    let emitted: Vec<_> = requests.iter().map(|span| span.span_context.span_id()).collect();
    assert_eq!(linked.await, emitted);
    stop(member).await.unwrap();
}
