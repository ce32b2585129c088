//! Who relays what: keys fall into buckets, and each bucket is leased to one relay.
//!
//! A relay that ends without a word loses its buckets when the lease is over. Shares are evened
//! out: each takes no more than its part of the buckets among the relays that live, and gives back
//! what is above. The database's clock decides, and its rows; what a relay remembers of its leases
//! only keeps it from asking too often.
//!
//! Leases keep relays from doing each other's work. The order of a key doesn't rest on them: see
//! [`Outbox`](super::Outbox).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use orderly_sdk::EventId;

use crate::{Database, StoreError, Tx, Value};

/// How many buckets there are.
pub const BUCKETS: u32 = 64;

/// How long a lease lasts where nobody says otherwise.
pub const LEASE: Duration = Duration::from_secs(5);

/// One relay's leases. Clones are the same relay.
#[derive(Clone)]
pub struct Leases {
    db: Database,
    /// Its name, never used again.
    relay: Arc<str>,
    lease: Duration,
    known: Arc<Mutex<Known>>,
}

/// What the relay remembers of its leases.
#[derive(Default)]
struct Known {
    /// When it last asked for an even share, and when for its leases to go on. From before the
    /// database was asked, so that it holds them for longer than it thinks.
    balanced: Option<Instant>,
    renewed: Option<Instant>,
    held: u32,
}

impl Leases {
    pub(super) fn new(db: Database, lease: Duration) -> Self {
        let relay = EventId::new().to_string().into();
        Self { db, relay, lease, known: Arc::default() }
    }

    /// Lets the leases go on, takes what is free and gives back what is above an even share; says
    /// how many buckets it holds. Not while records are under way: who takes a bucket that was
    /// given back would send them again.
    pub async fn balance(&self) -> Result<u32, StoreError> {
        let asked = Instant::now();
        let mut tx = self.begin().await?;
        self.go_on(&mut tx).await?;
        tx.execute(BURY, &[]).await?;
        let relays = count(&mut tx, LIVING, &[]).await?.max(1);
        let held = count(&mut tx, HELD, &[self.name()]).await?;
        let most = BUCKETS.div_ceil(relays);
        if held > most {
            tx.execute(GIVE_BACK, &[self.name(), (held - most).into()]).await?;
        } else if held < most {
            tx.execute(CLAIM, &[self.name(), self.millis(), (most - held).into()]).await?;
        }
        let held = count(&mut tx, HELD, &[self.name()]).await?;
        tx.commit().await?;
        let mut known = self.known();
        if known.held != held {
            tracing::info!(held, of = BUCKETS, relays, "buckets of the outbox");
        }
        *known = Known { balanced: Some(asked), renewed: Some(asked), held };
        Ok(held)
    }

    /// Lets the leases go on, whatever is under way, each time a third of one is over. Ends never.
    pub async fn renew(&self) {
        loop {
            let since = self.known().renewed;
            let due = since.map_or(self.third(), |at| self.third().saturating_sub(at.elapsed()));
            if !due.is_zero() {
                tokio::time::sleep(due).await;
                continue;
            }
            let asked = Instant::now();
            match self.renew_once().await {
                Ok(()) => self.known().renewed = Some(asked),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no lease goes on");
                    tokio::time::sleep(self.third()).await;
                }
            }
        }
    }

    /// Gives everything back, so that others needn't wait for the leases' end.
    pub async fn leave(&self) -> Result<(), StoreError> {
        *self.known() = Known::default();
        let mut tx = self.begin().await?;
        tx.execute(GIVE_BACK, &[self.name(), BUCKETS.into()]).await?;
        tx.execute("DELETE FROM outbox_relays WHERE relay = $1", &[self.name()]).await?;
        tx.commit().await
    }

    /// How long until [`balance`](Leases::balance) is due; none at first.
    pub fn due(&self) -> Duration {
        let balanced = self.known().balanced;
        balanced.map_or(Duration::ZERO, |at| self.third().saturating_sub(at.elapsed()))
    }

    /// Buckets that it held when it last asked.
    pub fn held(&self) -> u32 {
        self.known().held
    }

    /// Whether a third of the lease is left at least.
    pub(super) fn is_lasting(&self) -> bool {
        self.known().renewed.is_some_and(|at| at.elapsed() < self.third() * 2)
    }

    pub(super) fn name(&self) -> Value {
        (&*self.relay).into()
    }

    async fn renew_once(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        self.go_on(&mut tx).await?;
        tx.commit().await
    }

    async fn go_on(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.execute(LIVE, &[self.name(), self.millis()]).await?;
        tx.execute(RENEW, &[self.name(), self.millis()]).await.map(drop)
    }

    /// Stopped in the middle of it, it must not hold what others wait for beyond its lease.
    async fn begin(&self) -> Result<Tx, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.end_when_idle_for(self.lease).await?;
        Ok(tx)
    }

    fn millis(&self) -> Value {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX).into()
    }

    fn third(&self) -> Duration {
        self.lease / 3
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn count(tx: &mut Tx, sql: &str, values: &[Value]) -> Result<u32, StoreError> {
    let row = tx.query_opt(sql, values).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

const LIVE: &str = "
    INSERT INTO outbox_relays (relay, live_until) VALUES ($1, {now} + $2)
    ON CONFLICT (relay) DO UPDATE SET live_until = excluded.live_until";

const LIVING: &str = "SELECT count(*) FROM outbox_relays WHERE live_until > {now}";

const BURY: &str = "
    DELETE FROM outbox_relays WHERE relay IN (
        SELECT relay FROM outbox_relays WHERE live_until <= {now} {skip_locked}
    )";

const RENEW: &str = "UPDATE outbox_leases SET leased_until = {now} + $2 WHERE relay = $1";

const HELD: &str = "SELECT count(*) FROM outbox_leases WHERE relay = $1";

const GIVE_BACK: &str = "
    UPDATE outbox_leases SET relay = NULL, leased_until = 0 WHERE bucket IN (
        SELECT bucket FROM outbox_leases WHERE relay = $1 ORDER BY bucket DESC LIMIT $2
    )";

const CLAIM: &str = "
    WITH free AS (
        SELECT bucket FROM outbox_leases WHERE leased_until <= {now}
        ORDER BY bucket LIMIT $3 {skip_locked}
    )
    UPDATE outbox_leases SET relay = $1, leased_until = {now} + $2
    WHERE bucket IN (SELECT bucket FROM free)";
