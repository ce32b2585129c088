//! The one reader of both topics: begins when somebody follows, and ends when nobody does any more.

use std::{str, sync::Arc, time::Duration};

use futures::future::try_join_all;
use orderly_sdk::{
    Config, Health, away,
    codec::{Registry, RegistryError, Schema, frame},
    kafka::{KafkaError, Probe, Tail, partition_of_key},
    record::{InRecord, TopicPartition},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Happening, KitchenStream, LiveBounds, OrderStream, Place, Start, Topic,
    happening::Said,
    hub::{Ends, Followed, Hub},
    place::Era,
    subscription::Subscription,
};
use crate::{cache::OrderCache, events};

/// Questions to history at once by streams that begin: all come at once when a replica ends.
const MOST_QUESTIONS: usize = 64;
/// First and longest wait between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);
/// Times that the registry is asked for a schema that it doesn't have.
const MOST_LOOKUPS: u32 = 5;

pub(super) type Turns = Arc<Semaphore>;

/// Orders to be followed live. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    config: Config,
    registry: Registry,
    probe: Probe,
    health: Health,
    bounds: LiveBounds,
    partitions: [i32; 2],
    era: Era,
    hub: Arc<Hub>,
    room: Arc<Semaphore>,
    kitchen_room: Arc<Semaphore>,
    turns: Turns,
}

impl Live {
    /// Of the cluster that `config` names. Reads nothing until somebody follows. A part that is away is
    /// an error: to wait for it, use [`wait_out`](orderly_sdk::wait_out).
    pub async fn connect(
        config: &Config,
        bounds: LiveBounds,
        health: &Health,
    ) -> Result<Self, LiveError> {
        let probe = Probe::new(config)?;
        let mut partitions = [0; 2];
        let mut parts = vec![probe.cluster_id().await?];
        for topic in Topic::ALL {
            partitions[topic.index()] = probe.partitions(topic.name()).await?;
            parts.push(partitions[topic.index()].to_string());
            parts.push(probe.topic_id(topic.name()).await?.unwrap_or_default());
        }
        let era = Era::of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        // Streams want what comes now: hardly anything waits to be read.
        let mut config = config.clone();
        config.consumer_properties.push(("queued.max.messages.kbytes".into(), "4096".into()));
        let room = Arc::new(Semaphore::new(bounds.most_streams));
        let kitchen_room = Arc::new(Semaphore::new(bounds.most_kitchen_streams));
        Ok(Self(Arc::new(Shared {
            registry: Registry::new(&config)?,
            config,
            probe,
            health: health.clone(),
            bounds,
            partitions,
            era,
            hub: Arc::new(Hub::new()),
            room,
            kitchen_room,
            turns: Arc::new(Semaphore::new(MOST_QUESTIONS)),
        })))
    }

    pub(crate) fn bounds(&self) -> &LiveBounds {
        &self.0.bounds
    }

    /// What an event's id says of how far its stream had come; `None`: nothing that counts here.
    pub(crate) fn place(&self, id: &str) -> Option<Place> {
        Place::parse(id, &self.0.era)
    }

    /// Where nothing was told yet.
    pub(crate) fn beginning(&self) -> Place {
        Place::start(&self.0.era)
    }

    /// The partitions that an order is in.
    pub(crate) fn partitions_of(&self, order_id: &str) -> [i32; 2] {
        self.0.partitions.map(|all| partition_of_key(order_id.as_bytes(), all))
    }

    /// Registers one more who follows an order, before anybody is asked for it.
    pub(crate) fn follow_order(&self, order_id: &str) -> Result<Following, Full> {
        let Shared { bounds, hub, room, .. } = &*self.0;
        let room = take(room, Full::Orders)?;
        let (what, at) = (Followed::Order(order_id.into()), self.partitions_of(order_id));
        let followed = hub.follow(what, at, bounds.order_buffer, bounds.most_of_one_order);
        let subscription = followed.ok_or_else(|| refused(Full::OneOrder))?;
        Ok(Following { live: self.clone(), subscription, room })
    }

    /// The same of what becomes of all orders.
    pub(crate) fn follow_kitchen(
        &self,
        shutdown: CancellationToken,
    ) -> Result<KitchenStream, Full> {
        let Shared { bounds, hub, kitchen_room, .. } = &*self.0;
        let room = take(kitchen_room, Full::Kitchen)?;
        let (buffer, most) = (bounds.kitchen_buffer, bounds.most_kitchen_streams);
        let followed = hub.follow(Followed::Kitchen, [0; 2], buffer, most);
        let subscription = followed.ok_or_else(|| refused(Full::Kitchen))?;
        Ok(KitchenStream::new(self, subscription, shutdown, room))
    }

    /// Waits for its turn to ask history; `None` never comes. To be kept while asking.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.turns.acquire().await.ok()
    }

    pub(super) fn turns(&self) -> Turns {
        Arc::clone(&self.0.turns)
    }

    /// Reads while anybody follows, until shutdown. What `cache` has of an order ends with its next
    /// event.
    pub(crate) async fn read_until(self, cache: OrderCache, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.read(&cache)).await;
    }

    async fn read(&self, cache: &OrderCache) {
        let (mut away, mut pause) = (None, FIRST_PAUSE);
        loop {
            // Who waits for it is there for as long as it can't be told.
            let _ = self.0.hub.followers().wait_for(|count| *count > 0).await;
            let has_begun = match self.begin().await {
                Ok(mut tail) => {
                    (away, pause) = (None, FIRST_PAUSE);
                    self.tell_all(&mut tail, cache).await
                }
                Err(error) => Err(error),
            };
            let Err(error) = has_begun else { continue };
            tracing::warn!(%error, "orders can't be followed live; trying again");
            let told = self.0.health.away("kafka", &error.to_string());
            drop(away.replace(told));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
        }
    }

    /// Where reading ended by a failure, else at the end.
    async fn begin(&self) -> Result<Tail, LiveError> {
        let before = self.0.hub.ends();
        let (mut starts, mut is_torn) = (Vec::new(), false);
        let mut ends: Ends = [Vec::new(), Vec::new()];
        for topic in Topic::ALL {
            let name: Arc<str> = topic.name().into();
            let all = 0..self.0.partitions[topic.index()];
            let at = |partition| TopicPartition { topic: Arc::clone(&name), partition };
            let asked = all.map(|partition| {
                let at = at(partition);
                async move { self.0.probe.ends(&at).await.map(|ends| (at, ends)) }
            });
            for (at, (oldest, end)) in try_join_all(asked).await? {
                let index = ends[topic.index()].len();
                let was = before.as_ref().and_then(|before| before[topic.index()].get(index));
                let from = was.copied().filter(|was| (oldest..=end).contains(was));
                is_torn |= was.is_some() && from.is_none();
                ends[topic.index()].push(from.unwrap_or(end));
                starts.push((at, from.unwrap_or(end)));
            }
        }
        let tail = Tail::from(&self.0.config, &starts)?;
        self.0.hub.begin(ends, is_torn);
        Ok(tail)
    }

    /// Until nobody follows any more.
    async fn tell_all(&self, tail: &mut Tail, cache: &OrderCache) -> Result<(), LiveError> {
        let idle = self.idle();
        tokio::pin!(idle);
        loop {
            tokio::select! {
                record = tail.next() => match record {
                    Some(record) => self.tell(&record?, cache).await,
                    None => return Err(LiveError::Ended),
                },
                () = &mut idle => {
                    if self.0.hub.end_if_idle() {
                        return Ok(());
                    }
                    idle.set(self.idle());
                }
            }
        }
    }

    /// Nobody has followed for some time.
    async fn idle(&self) {
        let mut followers = self.0.hub.followers();
        loop {
            let _ = followers.wait_for(|count| *count == 0).await;
            let back = followers.wait_for(|count| *count > 0);
            if timeout(self.0.bounds.idle, back).await.is_err() {
                return;
            }
        }
    }

    async fn tell(&self, record: &InRecord, cache: &OrderCache) {
        let at = record.at();
        let Some(topic) = Topic::named(&at.partition.topic) else { return };
        let (partition, offset) = (at.partition.partition, at.offset);
        let key = record.key().and_then(|key| str::from_utf8(key).ok()).unwrap_or_default();
        cache.forget(key);
        if self.0.hub.pass_by(topic, partition, offset, key) {
            return;
        }
        let happening = Arc::new(self.open(topic, key, record).await);
        self.0.hub.tell(partition, key, &happening);
    }

    /// What can't be decoded is told by its headers alone.
    async fn open(&self, topic: Topic, key: &str, record: &InRecord) -> Happening {
        let opened = async {
            let (id, datum) = frame::split(record.payload()?).ok()?;
            let schema = match self.0.registry.cached(id) {
                Some(schema) => schema,
                None => self.schema(id).await?,
            };
            let said: Option<Said> = schema.decode(datum).ok();
            Some((schema, said))
        };
        let (schema, said) = opened.await.unzip();
        let said = said.flatten().unwrap_or_default();
        let name = schema.as_ref().map(|schema| schema.name());
        Happening::read(key, topic, record, name, said)
    }

    /// Waits for a registry that is away; one that has no such schema is asked a few times.
    async fn schema(&self, id: u32) -> Option<Arc<Schema>> {
        let (mut told, mut pause, mut lookups) = (None, FIRST_PAUSE, 0);
        loop {
            let error = match self.0.registry.schema(id).await {
                Ok(schema) => return Some(schema),
                Err(error) => error,
            };
            match away(&error) {
                Some(part) => {
                    let away = self.0.health.away(part.part, &part.message);
                    drop(told.replace(away));
                }
                None => {
                    lookups += 1;
                    let may_come = matches!(error, RegistryError::NotFound { .. });
                    if !may_come || lookups == MOST_LOOKUPS {
                        tracing::warn!(id, %error, "followers are told no more than headers say");
                        return None;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
        }
    }
}

/// One who is registered, and whose stream may begin.
pub(crate) struct Following {
    live: Live,
    subscription: Subscription,
    room: OwnedSemaphorePermit,
}

impl Following {
    pub(crate) fn begin(self, start: Start) -> OrderStream {
        OrderStream::new(&self.live, start, self.subscription, self.room)
    }
}

/// Why one more can't follow now.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Full {
    #[error("As many streams of orders are open as this instance takes at once.")]
    Orders,
    #[error("As many streams of this order are open as this instance takes at once.")]
    OneOrder,
    #[error("As many streams of the kitchen's are open as this instance takes at once.")]
    Kitchen,
}

fn take(room: &Arc<Semaphore>, full: Full) -> Result<OwnedSemaphorePermit, Full> {
    Arc::clone(room).try_acquire_owned().map_err(|_| refused(full))
}

fn refused(full: Full) -> Full {
    events::stream_refused();
    full
}

/// Why orders can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The brokers, or a topic isn't there.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry's client.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The reader's thread ended.
    #[error("the reader of orders ended")]
    Ended,
}
