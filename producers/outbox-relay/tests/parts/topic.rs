//! What comes into the topic.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use orderly_sdk::{Config, kafka::Tail};
use tokio::{sync::watch, task::JoinHandle};

use super::{PATIENCE, TOPIC};

/// Every record of the topic so far.
pub struct Topic {
    ids: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
    reading: JoinHandle<()>,
}

impl Topic {
    pub async fn follow(config: &Config) -> Self {
        let mut tail = Tail::from_start(config, &[TOPIC]).await.unwrap();
        let ids: Arc<Mutex<Vec<String>>> = Arc::default();
        let (counting, count) = watch::channel(0);
        let into = Arc::clone(&ids);
        let reading = tokio::spawn(async move {
            while let Some(record) = tail.next().await {
                let record = record.unwrap();
                let id = record.header_str("ce_id").unwrap().to_owned();
                let key = id.split_once('/').unwrap().0;
                assert_eq!(record.key(), Some(key.as_bytes()));
                assert_eq!(record.timestamp().unwrap().timestamp_millis(), 1_700_000_000_000);
                into.lock().unwrap().push(id);
                counting.send_modify(|count| *count += 1);
            }
        });
        Self { ids, count, reading }
    }

    /// Ids in the order in which they came.
    pub fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }

    /// Waits until that many different records came.
    pub async fn until(&self, different: usize) {
        let is_there = |ids: &[String]| ids.iter().collect::<HashSet<_>>().len() >= different;
        self.until_it(is_there).await;
    }

    /// Waits until the condition on the ids holds.
    pub async fn until_it(&self, condition: impl Fn(&[String]) -> bool) {
        let mut count = self.count.clone();
        let waiting = count.wait_for(|_| condition(&self.ids.lock().unwrap()));
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "never; {} came, last {:?}", self.ids().len(), self.ids().last());
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
