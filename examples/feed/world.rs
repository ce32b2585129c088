//! Who there is, who follows whom, and who posts how much: by a power law, from a seed.

use fastrand::Rng;

/// Of the follows that are there before anybody posts, one in so many ends while they do.
const FICKLE: usize = 10;

/// One who follows, and whom: users' numbers.
pub type Pair = (usize, usize);

/// What a run plays.
pub struct World {
    /// Their names: of this run alone.
    pub users: Vec<String>,
    /// Follows from before the first post, that stay.
    pub steady: Vec<Pair>,
    /// Follows from before the first post, that end while others post; every other begins again.
    pub fickle: Vec<Pair>,
    /// Follows that begin while others post: those that make celebrities.
    pub late: Vec<Pair>,
    /// How much each posts in each third of the run.
    pub posts: Vec<[u32; 3]>,
}

/// The user whom all follow in the end.
pub const CELEBRITY: usize = 0;

impl World {
    /// The user of rank r is followed by one in r + 1. Who will have more than `celebrity_at`
    /// followers, begins with half as many.
    pub fn new(tag: &str, users: usize, posts: u32, celebrity_at: usize, rng: &mut Rng) -> Self {
        let mut world = Self {
            users: (0..users).map(|number| format!("{tag}-{number}")).collect(),
            steady: Vec::new(),
            fickle: Vec::new(),
            late: Vec::new(),
            posts: thirds(users, posts),
        };
        for author in 0..users {
            let many = ((users - 1) / (author + 1)).max(1);
            let others = (0..users).filter(|other| *other != author);
            let mut followers = others.collect::<Vec<_>>();
            rng.shuffle(&mut followers);
            let early = if many > celebrity_at { celebrity_at / 2 } else { many };
            for (nth, follower) in followers.into_iter().take(many).enumerate() {
                let pair = (follower, author);
                match nth {
                    nth if nth >= early => world.late.push(pair),
                    nth if nth % FICKLE == FICKLE - 1 => world.fickle.push(pair),
                    _ => world.steady.push(pair),
                }
            }
        }
        world
    }

    /// A user's name.
    pub fn name(&self, number: usize) -> &str {
        &self.users[number]
    }
}

/// The celebrity posts one in ten, the others as much as each other.
fn thirds(users: usize, posts: u32) -> Vec<[u32; 3]> {
    let mut shares = vec![[0; 3]; users];
    let others = users.saturating_sub(1).max(1);
    for (nth, third) in (0..posts).zip([0, 1, 2].into_iter().cycle()) {
        // Ten are one of each third and more, so the tenths are spread over the thirds.
        let author = if nth % 10 == 0 { CELEBRITY } else { 1 + nth as usize % others };
        shares[author][third] += 1;
    }
    shares
}
