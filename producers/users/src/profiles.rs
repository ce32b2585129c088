//! Profiles as they are kept. A change and what tells of it are one transaction, in which the user's
//! id is held.

use chrono::Utc;
use orderly_schemas::UserChanged;
use orderly_sdk::{
    Meta,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, Row, StoreError, Tx, Value, outbox};
use orderly_web::Preconditions;

use crate::{
    deleted,
    profile::{channel_of, channel_text},
};

/// A profile in the table.
#[derive(Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) user: UserChanged,
    /// Id of the event that told of it: never used twice.
    pub(crate) version: String,
}

/// What became of a profile that was put.
pub(crate) enum Put {
    Created(Kept),
    Replaced(Kept),
    /// It is as it was; nothing is told.
    Unchanged(Kept),
}

/// Why a change isn't made.
pub(crate) enum NotChanged {
    /// The profile is another than the caller saw.
    Otherwise,
    /// Nothing was written.
    Before(StoreError),
    Encode(EncodeError),
    /// The database's answer to the commit: where it went away, something may be written.
    Commit(StoreError),
}

impl From<StoreError> for NotChanged {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

impl From<EncodeError> for NotChanged {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

pub(crate) async fn put(
    database: &Database,
    encoders: &Encoders,
    user: UserChanged,
    conditions: &Preconditions,
    meta: impl FnOnce() -> Meta,
) -> Result<Put, NotChanged> {
    let mut tx = database.begin().await?;
    deleted::hold(&mut tx, [&*user.user_id].into_iter()).await?;
    let before = find_in(&mut tx, &user.user_id).await?;
    if !conditions.allow_change(before.as_ref().map(|kept| &*kept.version)) {
        return Err(NotChanged::Otherwise);
    }
    if let Some(before) = &before
        && before.user == user
    {
        return Ok(Put::Unchanged(before.clone()));
    }
    // Behind the lock: of one user, what is later in the topic happened later.
    let meta = meta();
    let told = encoders.record(&user, &meta)?;
    let after = Kept { user, version: meta.id.to_string() };
    tx.execute(UPSERT, &after.values()).await?;
    deleted::take_again(&mut tx, &after.user.user_id, meta.time).await?;
    outbox::insert(&mut tx, &[told]).await?;
    tx.commit().await.map_err(NotChanged::Commit)?;
    Ok(if before.is_some() { Put::Replaced(after) } else { Put::Created(after) })
}

/// Deletes whatever is personal of a user, here and, by tombstones, in the topics; those of the contacts
/// are yet to be told ([`erase`](crate::erase)). Does so again where there is nothing: what was told
/// before may have been lost with a topic.
pub(crate) async fn delete(
    database: &Database,
    encoders: &Encoders,
    user_id: &str,
    conditions: &Preconditions,
    meta: impl FnOnce() -> Meta,
) -> Result<(), NotChanged> {
    let mut tx = database.begin().await?;
    deleted::hold(&mut tx, [user_id].into_iter()).await?;
    let before = find_in(&mut tx, user_id).await?;
    if !conditions.allow_change(before.as_ref().map(|kept| &*kept.version)) {
        return Err(NotChanged::Otherwise);
    }
    let meta = meta();
    deleted::mark(&mut tx, user_id, Utc::now()).await?;
    tx.execute("DELETE FROM users_profiles WHERE user_id = $1", &[user_id.into()]).await?;
    // Nothing bounds how much one user orders: contacts follow some at a time.
    tx.execute(ERASE, &[user_id.into()]).await?;
    tx.execute("DELETE FROM users_orders WHERE user_id = $1", &[user_id.into()]).await?;
    outbox::insert(&mut tx, &[encoders.tombstone::<UserChanged>(user_id, &meta)?]).await?;
    tx.commit().await.map_err(NotChanged::Commit)
}

pub(crate) async fn find(database: &Database, user_id: &str) -> Result<Option<Kept>, StoreError> {
    database.query_opt(FIND, &[user_id.into()]).await?.as_ref().map(Kept::read).transpose()
}

async fn find_in(tx: &mut Tx, user_id: &str) -> Result<Option<Kept>, StoreError> {
    tx.query_opt(FIND, &[user_id.into()]).await?.as_ref().map(Kept::read).transpose()
}

impl Kept {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let user = UserChanged {
            user_id: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            phone: row.get(3)?,
            customer_group: row.get(4)?,
            notify_by: row.get::<String>(5)?.split(',').filter_map(channel_of).collect(),
        };
        Ok(Self { user, version: row.get(6)? })
    }

    fn values(&self) -> [Value; 7] {
        let UserChanged { user_id, name, email, phone, customer_group, notify_by } = &self.user;
        let channels: Vec<&str> = notify_by.iter().copied().map(channel_text).collect();
        [
            user_id.into(),
            name.as_ref().into(),
            email.as_ref().into(),
            phone.as_ref().into(),
            customer_group.as_ref().into(),
            channels.join(",").into(),
            (&self.version).into(),
        ]
    }
}

const FIND: &str = "
    SELECT user_id, name, email, phone, customer_group, notify_by, version
    FROM users_profiles WHERE user_id = $1";

const ERASE: &str = "
    INSERT INTO users_erasing (order_id)
    SELECT order_id FROM users_orders WHERE user_id = $1
    ON CONFLICT (order_id) DO NOTHING";

const UPSERT: &str = "
    INSERT INTO users_profiles
        (user_id, name, email, phone, customer_group, notify_by, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (user_id) DO UPDATE SET
        name = excluded.name, email = excluded.email, phone = excluded.phone,
        customer_group = excluded.customer_group, notify_by = excluded.notify_by,
        version = excluded.version";
