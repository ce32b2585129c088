//! Reads every timeline over HTTP, page by page, and holds it against what the topics say and what was
//! answered to those who posted.

use std::{collections::HashMap, fmt};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use orderly_examples::Result;

use crate::{client::Client, generate::post_ids, said::Said, timeline::Post, world::World};

/// Odd and small: pages end anywhere.
const PAGE: usize = 17;
/// Timelines read at once.
const AT_ONCE: usize = 16;

/// What was found. All but the first few have to be 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Posts that were answered with 202.
    pub accepted: usize,
    /// Timelines that were read.
    pub timelines: usize,
    /// Posts that they have to show, all together.
    pub due: usize,
    /// Accepted posts that aren't in the topic, in their author's order.
    pub not_in_topic: usize,
    /// Posts that a timeline lacks.
    pub missing: usize,
    /// Posts that a timeline shows again.
    pub twice: usize,
    /// Posts that a timeline shows of somebody who wasn't followed then.
    pub foreign: usize,
    /// Posts that stand behind an older one of their author.
    pub out_of_order: usize,
    /// Authors of whom who followed them all the time doesn't see exactly what they were answered for.
    pub unlike_answers: usize,
}

impl Proof {
    /// Nothing is wrong.
    pub fn holds(&self) -> bool {
        let Self { accepted, timelines, due, .. } = *self;
        *self == Self { accepted, timelines, due, ..Self::default() } && due > 0
    }

    fn add(&mut self, other: &Self) {
        self.timelines += other.timelines;
        self.due += other.due;
        self.missing += other.missing;
        self.twice += other.twice;
        self.foreign += other.foreign;
        self.out_of_order += other.out_of_order;
        self.unlike_answers += other.unlike_answers;
    }
}

/// Looks at all of them.
pub async fn prove(world: &World, said: &Said, client: &Client) -> Result<Proof> {
    let answered: Vec<Vec<String>> =
        (0..world.users.len()).map(|user| answered(world, user)).collect();
    let mut proof = Proof::default();
    for (name, answered) in world.users.iter().zip(&answered) {
        let there = said.posts_of(name);
        proof.accepted += answered.len();
        let same = there.iter().zip(answered).filter(|(there, id)| there.post_id == **id).count();
        proof.not_in_topic += answered.len().max(there.len()) - same;
    }
    let mut steady: HashMap<usize, Vec<usize>> = HashMap::new();
    for (follower, author) in &world.steady {
        steady.entry(*follower).or_default().push(*author);
    }
    let (steady, answered) = (&steady, &answered);
    let users = stream::iter(0..world.users.len()).map(async |user| {
        let name = world.name(user);
        let shown = read(client, name).await?;
        let mut checked = check(said, name, &shown);
        let steady = steady.get(&user).into_iter().flatten();
        checked.unlike_answers = steady
            .filter(|author| {
                let oldest_first =
                    shown.iter().rev().filter(|post| post.author == world.name(**author));
                !oldest_first.map(|post| &post.post_id).eq(&answered[**author])
            })
            .count();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(checked)
    });
    let mut checked = users.buffer_unordered(AT_ONCE);
    while let Some(one) = checked.try_next().await? {
        proof.add(&one);
    }
    Ok(proof)
}

/// What a user was answered for, in order.
fn answered(world: &World, user: usize) -> Vec<String> {
    (0..3).flat_map(|third| post_ids(world, user, third)).collect()
}

async fn read(client: &Client, user: &str) -> Result<Vec<Post>> {
    let (mut posts, mut before) = (Vec::new(), None);
    loop {
        let page = client.page(user, before.as_deref(), PAGE).await?;
        posts.extend(page.posts);
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(posts),
        }
    }
}

/// One timeline, the newest first.
fn check(said: &Said, user: &str, shown: &[Post]) -> Proof {
    let mut due = said.timeline_of(user);
    let mut proof = Proof { timelines: 1, due: due.len(), ..Proof::default() };
    let all = due.clone();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for post in shown {
        let key = (&*post.author, &*post.post_id);
        if !due.remove(&key) {
            match all.contains(&key) {
                true => proof.twice += 1,
                false => proof.foreign += 1,
            }
            continue;
        }
        let place =
            said.posts_of(&post.author).iter().position(|said| said.post_id == post.post_id);
        let place = place.unwrap_or_default();
        if last.insert(&post.author, place).is_some_and(|newer| newer <= place) {
            proof.out_of_order += 1;
        }
    }
    proof.missing = due.len();
    proof
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("posts accepted", self.accepted),
            ("  not in the topic in their author's order", self.not_in_topic),
            ("timelines read", self.timelines),
            ("  posts that they have to show", self.due),
            ("  missing", self.missing),
            ("  shown twice", self.twice),
            ("  of nobody who was followed then", self.foreign),
            ("  behind an older one of the same author", self.out_of_order),
            ("  authors not shown as they were answered", self.unlike_answers),
        ];
        rows.iter().try_for_each(|(what, many)| writeln!(f, "{what:<44}{many:>9}"))?;
        f.write_str(if self.holds() { "proved" } else { "VIOLATED" })
    }
}
