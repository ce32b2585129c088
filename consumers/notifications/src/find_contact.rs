//! An order's contact, or the certainty that it has none.
//!
//! A contact is acknowledged before its order, which doesn't make it be seen before the order's
//! statuses: it comes through another partition, maybe to another member. So "there is none" is
//! said only when the contact's partition was read past the end it had when the status was taken.

use orderly_schemas::ContactGiven;
use orderly_sdk::{
    Event, EventId,
    consume::{Failure, Remembered},
    kafka::{Probe, partition_of_key},
    record::TopicPartition,
};
use orderly_stores::{Database, positions};

use crate::{
    GROUP,
    tables::{self, Contact},
};

/// Statuses that wait for their contact at once: one for each partition that this process owns, and as
/// many deliveries as are on their way: far less than this. Forgotten, one only waits for a later end.
const MOST_WAITING: usize = 8_192;

/// Finds contacts.
pub(crate) struct Contacts {
    database: Database,
    probe: Probe,
    /// Of the topic `contacts`, as it was at start.
    partitions: i32,
    /// Where the contact's partition ended when the status, or a delivery, was first taken; by what waits.
    ends: Remembered<EventId, i64>,
}

impl Contacts {
    pub(crate) fn new(database: Database, probe: Probe, partitions: i32) -> Self {
        Self { database, probe, partitions, ends: Remembered::at_most(MOST_WAITING) }
    }

    /// The contact of an order that `event` tells of, as it is known now; `None`: it surely has
    /// none. Fails as not yet while that isn't known. What is known may be deleted meanwhile, and given
    /// again: whoever makes use of it sees to that.
    pub(crate) async fn of(
        &self,
        order_id: &str,
        event: EventId,
    ) -> Result<Option<Contact>, Failure> {
        let known = tables::contact(&self.database, order_id).await?;
        let contact = match known {
            Some(contact) => Some(contact),
            None => self.settle(order_id, event).await?,
        };
        self.ends.forget(event);
        Ok(contact)
    }

    async fn settle(&self, order_id: &str, event: EventId) -> Result<Option<Contact>, Failure> {
        let at = TopicPartition {
            topic: ContactGiven::TOPIC.into(),
            partition: partition_of_key(order_id.as_bytes(), self.partitions),
        };
        let end = match self.ends.get(event) {
            Some(end) => end,
            None => self.ends.keep(event, self.end_of(&at).await?),
        };
        let position = positions::next_offset(&self.database, GROUP, &at).await?.unwrap_or(0);
        if position < end {
            return Err(Failure::not_yet(format_args!(
                "order {order_id} has no contact yet, and {at} is read to {position} of {end}"
            )));
        }
        // The position is committed with what lies before it: whatever was missing has come.
        Ok(tables::contact(&self.database, order_id).await?)
    }

    async fn end_of(&self, at: &TopicPartition) -> Result<i64, Failure> {
        // That the cluster can't be asked is never the record's fault.
        self.probe.end_to_read(at).await.map_err(|e| Failure::unavailable("kafka", e))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use orderly_sdk::{
        codec::{Encoders, Registry},
        consume::{Begun, Decision, Scope as _, Start, Unit},
        emit::{EmitSettings, Emitter},
        kafka::EmbeddedBroker,
    };
    use orderly_stores::{Inbox, Positions};
    use orderly_testkit::EmbeddedRegistry;

    use super::*;
    use crate::scope::ShortTransactions;

    /// Everything but a running member: a test does each of its steps itself.
    struct Parts {
        emitter: Emitter,
        contacts: Contacts,
        scope: ShortTransactions,
        at: TopicPartition,
        _running: (EmbeddedBroker, EmbeddedRegistry, tempfile::TempDir),
    }

    impl Parts {
        async fn start() -> Self {
            let broker = EmbeddedBroker::start([(ContactGiven::TOPIC, 1)]).unwrap();
            let registry = EmbeddedRegistry::start([]).await.unwrap();
            let config = broker.config(&registry.url());
            let client = Registry::new(&config).unwrap();
            let encoders = Encoders::of("test").event::<ContactGiven>();
            let encoders = encoders.register(&config, &client).await.unwrap();
            let settings = EmitSettings::default();
            let emitter = Emitter::connect(&config, encoders, settings).await.unwrap();

            let directory = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}/a.db", directory.path().display());
            let database = Database::open(&url).unwrap();
            tables::prepare(&database).await.unwrap();
            let probe = Probe::new(&config).unwrap();
            let positions = Positions::new(database.clone(), "here");
            positions.prepare().await.unwrap();
            let inbox = Inbox::new(database.clone());
            let scope = ShortTransactions::new(positions, inbox, probe.clone());
            let at = TopicPartition { topic: ContactGiven::TOPIC.into(), partition: 0 };
            assert_eq!(scope.start(GROUP, &at).await.unwrap(), Start::Oldest);
            let contacts = Contacts::new(database, probe, 1);
            Self { emitter, contacts, scope, at, _running: (broker, registry, directory) }
        }

        async fn acknowledge(&self, order_id: &str) -> i64 {
            self.emitter.emit(&contact(order_id)).await.unwrap().at.offset
        }

        async fn see(&self, order_id: &str, offset: i64) {
            let events = [EventId::new()];
            let unit = Unit {
                group: GROUP,
                partition: &self.at,
                offsets: &[offset],
                events: &events,
                ledger: None,
                is_redriven: false,
            };
            let Begun::Fresh(mut writes) = self.scope.begin(&unit).await.unwrap() else {
                panic!("a repeat")
            };
            tables::keep_contact(&mut writes, &contact(order_id), chrono::Utc::now());
            self.scope.commit(writes, &unit, Vec::new()).await.unwrap();
        }

        async fn is_waited_for(&self, order_id: &str, event: EventId) {
            let failure = self.contacts.of(order_id, event).await.unwrap_err();
            assert_eq!(*failure.decision(), Decision::NotYet, "{failure}");
        }
    }

    fn contact(order_id: &str) -> ContactGiven {
        ContactGiven {
            order_id: order_id.into(),
            user_id: None,
            email: Some("ada@example.com".into()),
            phone: None,
            callback_url: None,
            caller: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_contact_that_was_acknowledged_is_waited_for() {
        let parts = Parts::start().await;
        let event = EventId::new();
        let other = parts.acknowledge("o-0").await;
        let own = parts.acknowledge("o-1").await;
        parts.is_waited_for("o-1", event).await;
        parts.see("o-0", other).await;
        parts.is_waited_for("o-1", event).await;
        parts.see("o-1", own).await;
        let contact = parts.contacts.of("o-1", event).await.unwrap();
        assert_eq!(contact.unwrap().email.as_deref(), Some("ada@example.com"));
        assert_eq!(parts.contacts.ends.get(event), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_there_is_none_needs_no_more_than_the_end_when_the_status_was_taken() {
        let parts = Parts::start().await;
        let event = EventId::new();
        let before = parts.acknowledge("o-0").await;
        parts.is_waited_for("guest", event).await;
        // The topic goes on growing; nobody waits for that.
        for number in 1..=5 {
            parts.acknowledge(&format!("o-{number}")).await;
        }
        parts.is_waited_for("guest", event).await;
        parts.see("o-0", before).await;
        assert_eq!(parts.contacts.of("guest", event).await.unwrap(), None);
        parts.is_waited_for("guest", EventId::new()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_waited_for_where_nothing_was_ever_written() {
        let parts = Parts::start().await;
        assert_eq!(parts.contacts.of("guest", EventId::new()).await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_the_partition_that_the_emitter_writes_to() {
        let broker = EmbeddedBroker::start([(ContactGiven::TOPIC, 7)]).unwrap();
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let config = broker.config(&registry.url());
        let client = Registry::new(&config).unwrap();
        let encoders = Encoders::of("test").event::<ContactGiven>();
        let encoders = encoders.register(&config, &client).await.unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        for number in 0..100 {
            let order_id = format!("{:width$}", number, width = 1 + number % 9);
            let contact = ContactGiven {
                order_id: order_id.clone(),
                user_id: None,
                email: None,
                phone: None,
                callback_url: None,
                caller: None,
            };
            let receipt = emitter.emit(&contact).await.unwrap();
            let expected = partition_of_key(order_id.as_bytes(), 7);
            assert_eq!(receipt.at.partition.partition, expected, "{order_id}");
        }
    }
}
