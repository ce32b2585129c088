//! How far a group is, by its committed offsets: so it is seen for all sides alike.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::{Error, progress, round::Round};

const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
/// Until the first commit: starting, joining, and what a JVM runs first to be compiled.
const STARTING: Duration = Duration::from_secs(60);

/// Looks at a group, and belongs to none.
pub(super) struct Committed {
    client: Arc<BaseConsumer>,
    asked: TopicPartitionList,
}

impl Committed {
    /// Names as they are in the cluster.
    pub(super) fn of(
        bootstrap: &str,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Result<Self, Error> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap).set("group.id", group);
        // Else it waits until no transaction is open.
        client.set("isolation.level", "read_uncommitted");
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, partitions - 1);
        Ok(Self { client: Arc::new(client.create()?), asked })
    }

    /// From the first commit that is seen to that of the last of so many records; cut after `limit`.
    pub(super) async fn until_all(&self, records: u64, limit: Duration) -> Result<Round, Error> {
        progress::until_some(|| self.records(), LOOK, STARTING).await?;
        progress::until_all(|| self.records(), LOOK, records, limit).await
    }

    /// Its topic's records are numbered from 0, without gaps.
    async fn records(&self) -> Result<u64, Error> {
        let (client, asked) = (Arc::clone(&self.client), self.asked.clone());
        let asking = move || client.committed_offsets(asked, PATIENCE);
        let committed = tokio::task::spawn_blocking(asking).await??;
        let partitions = committed.elements();
        let offsets = partitions.iter().filter_map(|at| at.offset().to_raw());
        // Below 0: nothing was committed yet.
        Ok(u64::try_from(offsets.filter(|offset| *offset > 0).sum::<i64>())?)
    }
}
