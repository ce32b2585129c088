//! What the topics say: who posted what in which order, and who followed whom from when to when.
//! By itself, knowing nothing of the tables; only when a post stands in the order of its author is the rule
//! that fan-out has, too.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use orderly_examples::Result;
use orderly_sdk::{
    Config, Event as _,
    codec::Registry,
    consume::{Received, read_event},
    event_set,
    kafka::{Probe, Tail},
    record::TopicPartition,
};

use crate::{
    follows::{Followed, Unfollowed},
    posts::{Posted, stand},
};

/// Longest without a record where there have to be more.
const SILENCE: Duration = Duration::from_secs(30);

event_set! {
    /// Everything that the feed's topics tell.
    pub enum Told { Posted, Followed, Unfollowed }
}

/// A post, as its topic has it.
pub struct SaidPost {
    pub post_id: String,
    pub posted_at: i64,
}

/// From when, until when if that is over.
type Span = (i64, Option<i64>);

/// Read from both topics.
#[derive(Default)]
pub struct Said {
    posts: HashMap<String, Vec<SaidPost>>,
    follows: HashMap<String, HashMap<String, Vec<Span>>>,
    /// Records that were there already under the same event id.
    pub repeats: u64,
}

impl Said {
    /// All that is there now of users whose names begin with `tag`.
    pub async fn read(config: &Config, tag: &str) -> Result<Self> {
        let registry = Registry::new(config)?;
        let mut left = ends(config).await?;
        let mut tail = Tail::from_start(config, &[Posted::TOPIC, Followed::TOPIC]).await?;
        let (mut said, mut known) = (Self::default(), HashSet::new());
        while !left.is_empty() {
            let next = tokio::time::timeout(SILENCE, tail.next()).await;
            let record = next.map_err(|_| format!("nothing more comes of {left:?}"))?;
            let record = record.ok_or("the topics can't be read to their ends")??;
            let told = read_event::<Told>(&registry, &record).await;
            let told = told.map_err(|failure| format!("{}: {failure}", record.at()))?;
            let at = record.at();
            if left.get(&at.partition).is_some_and(|end| at.offset + 1 >= *end) {
                left.remove(&at.partition);
            }
            if let Some(told) = told.filter(|told| told.event.user().starts_with(tag)) {
                match known.insert(told.meta.id) {
                    true => said.take(told),
                    false => said.repeats += 1,
                }
            }
        }
        Ok(said)
    }

    /// Of one author, in order.
    pub fn posts_of(&self, author: &str) -> &[SaidPost] {
        self.posts.get(author).map_or(&[], Vec::as_slice)
    }

    /// What has to be in a user's timeline.
    pub fn timeline_of<'a>(&'a self, user: &str) -> HashSet<(&'a str, &'a str)> {
        let followed = self.follows.get(user).into_iter().flatten();
        followed
            .flat_map(|(author, spans)| {
                let posts = self.posts_of(author).iter();
                posts
                    .filter(|post| is_within(post.posted_at, spans))
                    .map(|post| (&**author, &*post.post_id))
            })
            .collect()
    }

    fn take(&mut self, told: Received<Told>) {
        let time: DateTime<Utc> = told.meta.time;
        match told.event {
            Told::Posted(post) => {
                let posts = self.posts.entry(post.author).or_default();
                let last = posts.last().map_or(0, |post| post.posted_at);
                posts.push(SaidPost { post_id: post.post_id, posted_at: stand(time, last) });
            }
            Told::Followed(Followed { follower, author }) => {
                let spans = self.spans(follower, author);
                match spans.last() {
                    Some((_, None)) => {}
                    last => {
                        let ended = last.and_then(|(_, until)| *until).unwrap_or(0);
                        spans.push((time.timestamp_millis().max(ended), None));
                    }
                }
            }
            Told::Unfollowed(Unfollowed { follower, author }) => {
                if let Some((since, until @ None)) = self.spans(follower, author).last_mut() {
                    *until = Some(time.timestamp_millis().max(*since));
                }
            }
        }
    }

    fn spans(&mut self, follower: String, author: String) -> &mut Vec<Span> {
        self.follows.entry(follower).or_default().entry(author).or_default()
    }
}

impl Told {
    fn user(&self) -> &str {
        match self {
            Self::Posted(post) => &post.author,
            Self::Followed(it) => &it.follower,
            Self::Unfollowed(it) => &it.follower,
        }
    }
}

fn is_within(posted_at: i64, spans: &[Span]) -> bool {
    spans
        .iter()
        .any(|(since, until)| *since <= posted_at && until.is_none_or(|until| posted_at < until))
}

/// Where the partitions end that hold anything.
async fn ends(config: &Config) -> Result<HashMap<TopicPartition, i64>> {
    let probe = Probe::new(config)?;
    let mut ends = HashMap::new();
    for topic in [Posted::TOPIC, Followed::TOPIC] {
        let name: Arc<str> = topic.into();
        for partition in 0..probe.partitions(topic).await? {
            let at = TopicPartition { topic: Arc::clone(&name), partition };
            match probe.end_to_read(&at).await? {
                0 => {}
                end => drop(ends.insert(at, end)),
            }
        }
    }
    Ok(ends)
}
