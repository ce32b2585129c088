//! Brings a database's tables up to date when a member starts.

use chrono::Utc;
use sha2::{Digest as _, Sha256};

use crate::{Database, StoreError, Tx};

/// One step of a component's tables. Once applied anywhere it never changes: changes come as
/// further steps behind it.
///
/// It may hold several statements. Types are `TEXT`, `BIGINT`, `BOOLEAN`, `BYTEA`, `TIMESTAMPTZ`,
/// and two that are written differently by each database: `{id}` is an integer primary key that
/// only ever grows, `{decimal}` an exact decimal. Text sorts by its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does: `create orders`.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

impl Database {
    /// Applies what the database lacks of `migrations`, in order, in one transaction; members that
    /// start at once wait for each other. Refuses where an applied one was changed, removed or
    /// moved. Applied ones behind the last that is given are let be: a newer member made them.
    pub async fn migrate(
        &self,
        component: &str,
        migrations: &[Migration],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.prepare_migration().await?;
        tx.script(RECORD).await?;
        let applied = applied(&mut tx, component).await?;
        for (number, migration) in (1..).zip(migrations) {
            let hash = hex::encode(Sha256::digest(migration.sql));
            match applied.get(number - 1) {
                Some(known) => known.check(component, migration, &hash)?,
                None => apply(&mut tx, component, number, migration, hash).await?,
            }
        }
        tx.commit().await
    }
}

const RECORD: &str = "
    CREATE TABLE IF NOT EXISTS migrations (
        component TEXT NOT NULL,
        number BIGINT NOT NULL,
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        applied_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (component, number)
    )";

struct Applied {
    name: String,
    hash: String,
}

async fn applied(tx: &mut Tx, component: &str) -> Result<Vec<Applied>, StoreError> {
    let sql = "SELECT name, hash FROM migrations WHERE component = $1 ORDER BY number";
    let rows = tx.query(sql, &[component.into()]).await?;
    rows.iter().map(|row| Ok(Applied { name: row.get(0)?, hash: row.get(1)? })).collect()
}

impl Applied {
    fn check(&self, component: &str, given: &Migration, hash: &str) -> Result<(), StoreError> {
        let refuse = |message: String| {
            Err(StoreError::Migration {
                component: component.to_owned(),
                name: given.name.to_owned(),
                message,
            })
        };
        if self.name != given.name {
            return refuse(format!(
                "this database has `{}` in its place; new migrations only go behind the last",
                self.name
            ));
        }
        if self.hash != hash {
            return refuse(
                "its text changed since it was applied to this database; restore it and put the \
                 change into a migration of its own"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

async fn apply(
    tx: &mut Tx,
    component: &str,
    number: usize,
    migration: &Migration,
    hash: String,
) -> Result<(), StoreError> {
    let failed = |error: StoreError| match error {
        StoreError::Statement { message, .. } | StoreError::Constraint { message, .. } => {
            StoreError::Migration {
                component: component.to_owned(),
                name: migration.name.to_owned(),
                message,
            }
        }
        error => error,
    };
    tx.script(migration.sql).await.map_err(failed)?;
    tx.execute(
        "INSERT INTO migrations (component, number, name, hash, applied_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[
            component.into(),
            i64::try_from(number).unwrap_or(i64::MAX).into(),
            migration.name.into(),
            hash.into(),
            Utc::now().into(),
        ],
    )
    .await?;
    tracing::info!(component, migration = migration.name, "migration applied");
    Ok(())
}
