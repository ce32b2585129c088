//! Who follows which order, and how far the topics were read for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{mpsc, watch};

use super::{Happening, Topic, subscription::Subscription};
use crate::events;

/// By topic and partition, the offset behind what was told.
pub(super) type Ends = [Vec<i64>; 2];

pub(super) struct Hub {
    inner: Mutex<Inner>,
    followers: watch::Sender<usize>,
    is_reading: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    by_order: HashMap<Box<str>, Vec<Follower>>,
    kitchen: Vec<Follower>,
    /// `None` while nothing is read.
    ends: Option<Ends>,
    count: usize,
    last: u64,
}

struct Follower {
    number: u64,
    sender: mpsc::Sender<Arc<Happening>>,
}

/// What is followed.
#[derive(Clone, Debug)]
pub(super) enum Followed {
    Order(Box<str>),
    Kitchen,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            followers: watch::Sender::new(0),
            is_reading: watch::Sender::new(false),
        }
    }

    /// What is told from now on goes there, too. `buffer` events may wait for it. `None`: `most` follow it
    /// already.
    pub(super) fn follow(
        self: &Arc<Self>,
        what: Followed,
        partitions: [i32; 2],
        buffer: usize,
        most: usize,
    ) -> Option<Subscription> {
        let (sender, receiver) = mpsc::channel(buffer);
        let mut inner = self.lock();
        let following = match &what {
            Followed::Order(id) => inner.by_order.get(id).map_or(0, Vec::len),
            Followed::Kitchen => inner.kitchen.len(),
        };
        if following >= most {
            return None;
        }
        inner.last += 1;
        let number = inner.last;
        let follower = Follower { number, sender };
        match &what {
            Followed::Order(id) => inner.by_order.entry(id.clone()).or_default().push(follower),
            Followed::Kitchen => inner.kitchen.push(follower),
        }
        inner.count += 1;
        // Nobody learns of the count but who reads, and it comes under the lock, in sequence.
        self.followers.send_replace(inner.count);
        drop(inner);
        Some(Subscription::new(Arc::clone(self), what, number, partitions, receiver))
    }

    /// Doesn't follow any more; nothing where it was cut off before.
    pub(super) fn leave(&self, what: &Followed, number: u64) {
        let mut inner = self.lock();
        let left = match what {
            Followed::Kitchen => remove(&mut inner.kitchen, number),
            Followed::Order(id) => {
                let Some(followers) = inner.by_order.get_mut(id) else { return };
                let left = remove(followers, number);
                if followers.is_empty() {
                    inner.by_order.remove(id);
                }
                left
            }
        };
        inner.count -= left;
        self.followers.send_replace(inner.count);
    }

    pub(super) fn followers(&self) -> watch::Receiver<usize> {
        self.followers.subscribe()
    }

    pub(super) fn is_reading(&self) -> watch::Receiver<bool> {
        self.is_reading.subscribe()
    }

    /// How far these partitions were told; `None` while nothing is read.
    pub(super) fn ends_of(&self, partitions: [i32; 2]) -> Option<[i64; 2]> {
        let inner = self.lock();
        let ends = inner.ends.as_ref()?;
        let of = |topic: Topic| {
            let index = usize::try_from(partitions[topic.index()]).ok()?;
            ends[topic.index()].get(index).copied()
        };
        Some([of(Topic::Orders)?, of(Topic::Statuses)?])
    }

    pub(super) fn ends(&self) -> Option<Ends> {
        self.lock().ends.clone()
    }

    /// Reading begins there. `is_torn`: what lay before is lost, so nobody's stream can go on.
    pub(super) fn begin(&self, ends: Ends, is_torn: bool) {
        let mut inner = self.lock();
        inner.ends = Some(ends);
        if is_torn {
            let count = std::mem::take(&mut inner.count);
            inner.by_order.clear();
            inner.kitchen.clear();
            self.followers.send_replace(0);
            events::streams_torn(count);
        }
        self.is_reading.send_replace(true);
    }

    /// Reading ends, if nobody follows.
    pub(super) fn end_if_idle(&self) -> bool {
        let mut inner = self.lock();
        if inner.count > 0 {
            return false;
        }
        inner.ends = None;
        self.is_reading.send_replace(false);
        true
    }

    /// Whether nobody wants to know of a record; it counts as told then.
    pub(super) fn pass_by(&self, topic: Topic, partition: i32, offset: i64, key: &str) -> bool {
        let mut inner = self.lock();
        let is_for_kitchen = topic == Topic::Statuses && !inner.kitchen.is_empty();
        let is_wanted = is_for_kitchen || inner.by_order.contains_key(key);
        if !is_wanted {
            inner.told(topic, partition, offset);
        }
        !is_wanted
    }

    /// To all who follow. Who has no room for it is cut off: they know how far they came.
    pub(super) fn tell(&self, partition: i32, key: &str, happening: &Arc<Happening>) {
        let mut inner = self.lock();
        inner.told(happening.topic, partition, happening.offset);
        let (mut left, mut cut) = (0, 0);
        let mut send = |followers: &mut Vec<Follower>| {
            followers.retain(|follower| {
                let sent = follower.sender.try_send(Arc::clone(happening));
                cut += usize::from(matches!(sent, Err(mpsc::error::TrySendError::Full(_))));
                left += usize::from(sent.is_err());
                sent.is_ok()
            });
        };
        if happening.topic == Topic::Statuses {
            send(&mut inner.kitchen);
        }
        if let Some(followers) = inner.by_order.get_mut(key) {
            send(followers);
            if followers.is_empty() {
                inner.by_order.remove(key);
            }
        }
        if left > 0 {
            inner.count -= left;
            self.followers.send_replace(inner.count);
            events::streams_cut_off(cut);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn told(&mut self, topic: Topic, partition: i32, offset: i64) {
        let ends = self.ends.as_mut().map(|ends| &mut ends[topic.index()]);
        let index = usize::try_from(partition).ok();
        if let Some(end) = ends.zip(index).and_then(|(ends, index)| ends.get_mut(index)) {
            *end = offset + 1;
        }
    }
}

fn remove(followers: &mut Vec<Follower>, number: u64) -> usize {
    let before = followers.len();
    followers.retain(|follower| follower.number != number);
    before - followers.len()
}
