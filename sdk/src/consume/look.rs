//! Finding dead letters one after the other, for their redrive: a parked key's, or those that were
//! passed over.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use orderly_core::Whose;
use tokio::sync::Semaphore;

use super::{Failure, letters};
use crate::{
    Config,
    kafka::{KAFKA, KafkaError, Read, Reader},
    record::{InRecord, TopicPartition},
};

/// What a look came to.
pub(super) enum Looked {
    /// The next letter's record, and the letter's offset.
    Found(i64, InRecord),
    /// No further one before that offset.
    Nothing(i64),
}

/// Reads dead letters. Keeps a few readers where they stand: the next look goes on from there.
pub(super) struct Looks {
    config: Config,
    topic: Arc<str>,
    standing: Mutex<VecDeque<Standing>>,
    at_once: Semaphore,
}

struct Standing {
    reader: Reader,
    partition: i32,
    next: i64,
}

/// Readers at once, and readers that stand.
const MOST: usize = 4;

impl Looks {
    pub(super) fn of(config: &Config, topic: String) -> Self {
        Self {
            config: config.clone(),
            topic: topic.into(),
            standing: Mutex::default(),
            at_once: Semaphore::new(MOST),
        }
    }

    /// The first dead letter of `at` at or behind `from`, of those.
    pub(super) async fn look(
        &self,
        at: &TopicPartition,
        whose: &Whose,
        from: i64,
    ) -> Result<Looked, Failure> {
        // Never closed.
        let _one_of_few = self.at_once.acquire().await;
        let mut standing = self.reader(at.partition, from).map_err(away)?;
        loop {
            let looked = match standing.reader.next().await {
                Some(Ok(Read::Record(letter))) => {
                    let offset = letter.at().offset;
                    standing.next = offset + 1;
                    let is_it = match whose {
                        Whose::Key(key) => {
                            letters::is_parked(&letter) && letter.key() == Some(&**key)
                        }
                        Whose::PassedOver => !letters::is_parked(&letter),
                    };
                    let Some(record) = is_it.then(|| letters::original(&letter, at)).flatten()
                    else {
                        continue;
                    };
                    let record = match letters::is_without_value(&letter) {
                        true => self.at_source(record).await?,
                        false => record,
                    };
                    Looked::Found(offset, record)
                }
                Some(Ok(Read::End(_, next))) => {
                    standing.next = standing.next.max(next);
                    Looked::Nothing(standing.next)
                }
                Some(Err(error)) => return Err(away(error)),
                None => {
                    return Err(Failure::unavailable(KAFKA, "the reader of dead letters ended"));
                }
            };
            // One that has told its end tells it once only.
            if matches!(looked, Looked::Nothing(_)) {
                return Ok(looked);
            }
            let mut all = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_back(standing);
            if all.len() > MOST {
                all.pop_front();
            }
            return Ok(looked);
        }
    }

    fn reader(&self, partition: i32, from: i64) -> Result<Standing, KafkaError> {
        let mut all = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |it: &Standing| it.partition == partition && it.next == from;
        if let Some(standing) = all.iter().position(is_it).and_then(|found| all.remove(found)) {
            return Ok(standing);
        }
        drop(all);
        let reader = Reader::of(&self.config, &self.topic)?;
        reader.read(partition, Some(from));
        Ok(Standing { reader, partition, next: from })
    }

    /// The whole record, where only its coordinates were kept; or that it was deleted.
    async fn at_source(&self, record: InRecord) -> Result<InRecord, Failure> {
        let at = record.at();
        let mut source = Reader::of(&self.config, &at.partition.topic).map_err(away)?;
        source.read(at.partition.partition, Some(at.offset));
        match source.next().await {
            Some(Ok(Read::Record(found))) if found.at().offset == at.offset => Ok(found),
            Some(Ok(_)) => Ok(letters::discarded(&record)),
            Some(Err(error)) => Err(away(error)),
            None => Err(Failure::unavailable(KAFKA, "the reader of a source ended")),
        }
    }
}

fn away(error: KafkaError) -> Failure {
    Failure::unavailable(KAFKA, error)
}
