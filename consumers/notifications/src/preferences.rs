//! By which channels a user wants to hear, as the topic `users` says it now.
//!
//! A user who isn't known is waited for until `users` was read past the end that it had when the status
//! was taken; only then there is no profile. What was changed of a known one moments before a status may
//! not be seen yet: the customer is then told as they wanted before. It is asked again at each attempt.

use orderly_schemas::{Channel, UserChanged};
use orderly_sdk::{
    Config, EventId, Health,
    consume::{Failure, Remembered},
    view::{View, ViewError, ViewSettings},
};

/// Ends that statuses wait for at once. Forgotten, a status only waits for a later end.
const MOST_WAITING: usize = 8_192;

/// Knows what users want.
pub(crate) struct Preferences {
    users: View<UserChanged>,
    /// Where a user's partition ended when the status was first taken, by its event.
    ends: Remembered<EventId, i64>,
}

impl Preferences {
    /// Begins to read `users`.
    pub(crate) async fn follow(config: &Config, health: &Health) -> Result<Self, ViewError> {
        let settings = ViewSettings { health: health.clone(), ..ViewSettings::default() };
        let users = View::follow(config, settings).await?;
        Ok(Self { users, ends: Remembered::at_most(MOST_WAITING) })
    }

    /// The channels that the user wants; `None`: there is no profile. Fails as not yet while one may
    /// come.
    pub(crate) async fn of(
        &self,
        user_id: &str,
        event: EventId,
    ) -> Result<Option<Vec<Channel>>, Failure> {
        if self.users.get(user_id).is_none() {
            self.settle(user_id, event).await?;
        }
        self.ends.forget(event);
        Ok(self.users.get(user_id).map(|user| user.notify_by.clone()))
    }

    /// Waits until all was read that was there at the start: what is known of a user before may be old.
    pub(crate) async fn read_once(&self) {
        self.users.read_once().await;
    }

    /// Whether the user wants to hear that way, as far as is known now.
    pub(crate) fn allow(&self, user_id: &str, channel: Channel) -> bool {
        self.users.get(user_id).is_none_or(|user| user.notify_by.contains(&channel))
    }

    async fn settle(&self, user_id: &str, event: EventId) -> Result<(), Failure> {
        if self.users.is_overfull() {
            let why = "more users than a view has room for: whether one is there can't be said";
            return Err(Failure::unavailable("users", why));
        }
        for partition in self.users.partitions_of(&[user_id]) {
            let end = match self.ends.get(event) {
                Some(end) => end,
                None => {
                    let asked = self.users.end_of(partition).await;
                    self.ends.keep(event, asked.map_err(|e| Failure::unavailable("kafka", e))?)
                }
            };
            if !self.users.is_read_to(partition, end) {
                return Err(Failure::not_yet("what the customer wants may be in `users` yet"));
            }
        }
        Ok(())
    }
}
