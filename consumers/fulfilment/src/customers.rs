//! Which group a customer is in, as the topic `users` says it now.
//!
//! A user who isn't known is waited for until `users` was read past the end that it had when the order
//! was taken; only then there is none. What was changed of a known one moments before an order may not
//! be seen yet: the order is then priced by what the customer was before.

use std::collections::BTreeSet;

use fulfilment_pricing::Rules as Promotions;
use orderly_schemas::UserChanged;
use orderly_sdk::{
    Config, EventId, Health,
    consume::Failure,
    view::{View, ViewError, ViewSettings},
};

use crate::first_ends::FirstEnds;

/// Knows the customers, where a promotion asks for them.
pub(crate) struct Customers {
    users: Option<View<UserChanged>>,
    ends: FirstEnds,
}

impl Customers {
    /// Begins to read `users`, if a promotion is for some group.
    pub(crate) async fn follow(
        config: &Config,
        promotions: &Promotions,
        health: &Health,
    ) -> Result<Self, ViewError> {
        let settings = ViewSettings { health: health.clone(), ..ViewSettings::default() };
        let users = match promotions.are_for_groups() {
            true => Some(View::follow(config, settings).await?),
            false => None,
        };
        Ok(Self { users, ends: FirstEnds::none() })
    }

    /// Returns once the topic was read up to where it ended when this began.
    pub(crate) async fn read_once(&self) {
        if let Some(users) = &self.users {
            users.read_once().await;
        }
    }

    /// Fails as not yet where one of these may still come. `alone`: the order that one of them placed, if
    /// it is tried alone; it waits for the ends of its first such try, however far they move.
    pub(crate) async fn are_known(
        &self,
        user_ids: &BTreeSet<&str>,
        alone: Option<EventId>,
    ) -> Result<(), Failure> {
        let Some(users) = &self.users else { return Ok(()) };
        let unknown: Vec<&str> =
            user_ids.iter().copied().filter(|user_id| users.get(user_id).is_none()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if users.is_overfull() {
            let why = "more users than a view has room for: whether one is there can't be said";
            return Err(Failure::unavailable("users", why));
        }
        for partition in users.partitions_of(&unknown) {
            let end = self.ends.of(alone, partition, || users.end_of(partition)).await?;
            if !users.is_read_to(partition, end) {
                return Err(Failure::not_yet("who ordered may be in `users` yet"));
            }
        }
        Ok(())
    }

    /// Guests are in none.
    pub(crate) fn group_of(&self, user_id: Option<&str>) -> Option<String> {
        self.users.as_ref()?.get(user_id?)?.customer_group.clone()
    }
}
