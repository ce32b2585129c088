//! A run's orders: where they come from, and how they are handed in.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};

use importer::{Document, EmitDocumentsError, Format, OpenError, Tally};
use orderly_sdk::{
    Config, Health,
    codec::Registry,
    emit::{EmitSettings, Emitter},
};
use tokio::sync::mpsc;

use super::{
    DemoError,
    came_in::{CameIn, Noted},
    fits::Size,
    generate::{Batch, friends, generate},
    intake::{Intake, Outcome, Reach, Watched},
    keep_shop::keep_shop,
    lags::Lags,
    open_shop::open_shop,
    outlast::outlast,
    outside::Outside,
    play_scenario::play,
    shop_scenarios::{Seen, ShopScenario},
    site::Keepers,
    spike::{SpikeFigures, spike},
};
use crate::platform::Databases;

/// Where a run's orders come from.
#[derive(Clone, Debug)]
pub enum Load {
    /// Generated, and placed over HTTP.
    Generated {
        /// How many, unless [`Watched::call_it_enough`] ends them before.
        orders: u64,
        /// A second; `None`: as fast as they are answered.
        rate: Option<u32>,
    },
    /// Generated, by customers of whom some pay by card, have a coupon, are friends of the house, cancel
    /// or give something back: fulfilment's rules are [`rules_for_varied`](super::rules_for_varied)'s.
    /// The shop is kept at catalogue and users, and its prices are the catalogue's.
    Varied {
        /// How many.
        orders: u64,
        /// A second; `None`: as fast as they are answered.
        rate: Option<u32>,
    },
    /// Generated as a spike while the consumers' databases are slow.
    Spike {
        /// How long it lasts.
        seconds: u64,
    },
    /// A shop in which something goes wrong.
    Scenario(ShopScenario),
    /// From a file, through the importer.
    Imported {
        /// The file or directory.
        path: PathBuf,
        /// What is in it.
        format: Format,
    },
}

/// What a load is handed in to.
#[derive(Clone)]
pub(super) struct LoadParts {
    pub(super) api: String,
    pub(super) config: Config,
    /// What the run's customers' user ids begin with.
    pub(super) run: String,
    pub(super) watched: Watched,
    pub(super) databases: Databases,
    /// The services by which the shop is kept, where there are any.
    pub(super) keepers: Option<Keepers>,
    /// Others may have been there, or be there.
    pub(super) is_used: bool,
    pub(super) lags: Lags,
    /// What came in of each product before the first order, once that is known.
    pub(super) came_in: Arc<OnceLock<CameIn>>,
    /// Whom the platform tells, where it was started for the run.
    pub(super) outside: Option<Outside>,
    /// Told which part the load itself waits for.
    pub(super) waiting: Health,
}

/// What a load has to say at its end.
pub(super) enum Account {
    Import(Tally),
    Spike(SpikeFigures),
    Seen(Seen),
}

/// Hands in every order; each outcome goes to `intakes`, its account to `accounts`.
pub(super) async fn load(
    load: Load,
    parts: LoadParts,
    intakes: mpsc::Sender<Intake>,
    accounts: mpsc::Sender<Account>,
) -> Result<(), DemoError> {
    let besides = match &load {
        Load::Imported { .. } => None,
        Load::Scenario(scenario) => Some(scenario.counted()),
        Load::Generated { .. } | Load::Varied { .. } | Load::Spike { .. } => Some(&[][..]),
    };
    if let Some(besides) = besides {
        let noted = Noted::now(&parts).await?;
        let counted = match (&load, &parts.keepers) {
            (Load::Varied { orders, .. }, Some(keepers)) => {
                let friends = friends(&parts.run, *orders);
                keep_shop(keepers, &parts.databases, &parts.api, &friends).await?
            }
            _ => outlast(&parts.waiting, || open_shop(&parts.config, besides)).await?,
        };
        let _first = parts.came_in.set(noted.with(counted, &parts).await?);
    }
    let is_varied = matches!(load, Load::Varied { .. });
    match load {
        Load::Generated { orders, rate } | Load::Varied { orders, rate } => {
            let batch = Batch { first: 0, orders, rate, is_varied };
            let LoadParts { api, run, watched, outside, .. } = parts;
            generate(api, run, batch, watched, outside, intakes).await.map_err(DemoError::Http)
        }
        Load::Scenario(scenario) => {
            let seen = play(scenario, &parts, &intakes).await?;
            // Taken when the last intake was.
            let _ = accounts.send(Account::Seen(seen)).await;
            Ok(())
        }
        Load::Spike { seconds } => {
            let figures = spike(&parts, seconds, &intakes).await?;
            // Taken when the last intake was.
            let _ = accounts.send(Account::Spike(figures)).await;
            Ok(())
        }
        Load::Imported { path, format } => {
            let import = importer::open(&path, format)?;
            let registry = Registry::new(&parts.config)?;
            let connect = || async {
                let declared = importer::declares_with_shelves();
                let encoders = declared.register(&parts.config, &registry).await?;
                let settings = EmitSettings::default();
                Ok::<_, DemoError>(Emitter::connect(&parts.config, encoders, settings).await?)
            };
            let emitter = outlast(&parts.waiting, connect).await?;
            let filling = importer::open(&path, format)?;
            let sold = tokio::task::spawn_blocking(move || importer::read_sold(filling)).await;
            let sold = sold.map_err(|e| DemoError::Ended(e.to_string()))??;
            let noted = Noted::now(&parts).await?;
            importer::fill_shelves(&sold, format, &emitter).await?;
            let counted = sold.into_iter().map(|product| (product.sku, product.quantity.into()));
            let _first = parts.came_in.set(noted.with(counted.collect(), &parts).await?);
            let (heard, mut hearing) = mpsc::unbounded_channel();
            let passing_on = tokio::spawn(async move {
                while let Some(intake) = hearing.recv().await {
                    if intakes.send(intake).await.is_err() {
                        return;
                    }
                }
            });
            let tally = importer::emit_documents(
                import,
                format,
                &emitter,
                |accepted| {
                    let outcome = if accepted.is_order {
                        let event_id = accepted.receipt.event_id.to_string();
                        Outcome::Accepted { order_id: accepted.order_id, event_id }
                    } else {
                        Outcome::Returned
                    };
                    let took = accepted.took;
                    let sent = Instant::now().checked_sub(took).unwrap_or_else(Instant::now);
                    // A run that is over takes nothing in.
                    let _ = heard.send(Intake { outcome, sent, took, to: Reach::default() });
                },
                |_| {},
            )
            .await?;
            drop(heard);
            passing_on.await.map_err(|e| DemoError::Ended(e.to_string()))?;
            // Taken when the last intake was.
            let _ = accounts.send(Account::Import(tally)).await;
            Ok(())
        }
    }
}

/// Reads a file to its end without emitting anything: how much it is, the ids of its orders and
/// returns, and whether it can be read.
pub(super) async fn read_through(
    path: PathBuf,
    format: Format,
) -> Result<(Size, HashSet<String>), DemoError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut import = importer::open(&path, format)?;
        let mut ids = HashSet::new();
        let read = import.by_ref().try_for_each(|document| {
            let (Document::Sale(invoice) | Document::Return(invoice)) = document?;
            ids.insert(invoice.number);
            Ok(())
        });
        let tally = import.tally();
        let lines = tally.sales_lines + tally.return_lines;
        let size = Size { orders: tally.orders, returns: tally.returns, lines };
        Ok::<_, OpenError>(read.map(|()| (size, ids)))
    });
    let read = reading.await.map_err(|e| DemoError::Ended(e.to_string()))?;
    Ok(read?.map_err(EmitDocumentsError::Import)?)
}
