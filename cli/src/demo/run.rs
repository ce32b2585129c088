//! A run: start, load, settle, prove.

use std::time::{Duration, Instant};

use history::Counts;
use importer::{MalformedLine, Tally};
use notifications::Mailbox;
use orderly_schemas::{DeliveryOutcome, order_status, orders};
use orderly_sdk::{kafka::Probe, record::TopicPartition};
use orderly_stores::{Outbox, StoreError};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    DemoError, Load,
    check_mails::check_mails,
    check_stores::{check_accepted, check_history, check_untold},
    check_trails::check_trails,
    customers::{CustomersError, collect},
    findings::{Findings, Kind},
    fits::Size,
    intake::Taken,
    load::{LoadParts, load, read_through},
    observe::Observer,
    progress::Bars,
    report::{
        FulfilmentFigures, HistoryFigures, ImportFigures, NotificationFigures, Percentiles, Report,
        SkippedFigures, cents, peak_rss_mib,
    },
    show_run::Shown,
};
use crate::platform::{Platform, Settings};

/// A run of the demo.
pub struct Demo {
    /// What it runs on.
    pub platform: Platform,
    load: Load,
    pub(super) observer: Observer,
    collecting: JoinHandle<Result<(), CustomersError>>,
    taken: Taken,
    import: Option<Tally>,
    started: Instant,
    seconds: f64,
    is_settled: bool,
    /// Without any progress for so long, a run is over.
    patience: Duration,
}

/// What moves at all moves within this; a stage takes its own time besides.
const STALLED: Duration = Duration::from_secs(30);
/// Between two looks at how far the run is.
const LOOK: Duration = Duration::from_millis(100);

impl Demo {
    /// Refuses a run that could outgrow the embedded broker; else starts everything.
    pub async fn start(load: Load, settings: Settings) -> Result<Self, DemoError> {
        let size = match &load {
            // The generator's orders have at most four lines.
            Load::Generated { orders, .. } => {
                Size { orders: *orders, returns: 0, lines: *orders * 4 }
            }
            Load::Imported { path, format } => read_through(path.clone(), *format).await?,
        };
        size.fits(&settings.stages, &settings.topics).map_err(DemoError::TooLarge)?;
        let patience = STALLED + settings.stages.total();
        let started = Instant::now();
        let platform = Platform::start(settings).await?;
        let (observer, ready) = Observer::start(&platform.config).await?;
        let config = platform.config.clone();
        let collecting = tokio::spawn(async move { collect(&config, ready).await });
        Ok(Self {
            platform,
            load,
            observer,
            collecting,
            taken: Taken::default(),
            import: None,
            started,
            seconds: 0.0,
            is_settled: false,
            patience,
        })
    }

    /// Hands in every order, then waits until every accepted one came to its end everywhere; or
    /// until nothing moves any more, and the proof will say what is missing.
    pub async fn run(&mut self, bars: &Bars) -> Result<(), DemoError> {
        let (senders, mut intakes) = mpsc::channel(1_000);
        let (tallies, mut tally) = mpsc::channel(1);
        let mut loading = tokio::spawn(load(self.load.clone(), self.parts(), senders, tallies));
        let is_import = matches!(self.load, Load::Imported { .. });
        let shown = Shown::new(bars, &self.load);
        let probe = Probe::new(&self.platform.config)?;
        let mut is_loaded = false;
        let (mut moved, mut last) = (Instant::now(), None);
        loop {
            tokio::select! {
                biased;
                intake = intakes.recv(), if !is_loaded => match intake {
                    Some(intake) => {
                        self.taken.add(intake);
                        continue;
                    }
                    None => {
                        is_loaded = true;
                        (&mut loading).await.map_err(|e| DemoError::Ended(e.to_string()))??;
                        self.import = tally.recv().await;
                    }
                },
                why = self.platform.failure() => return Err(DemoError::Service(why)),
                error = self.observer.failure() => return Err(error.into()),
                ended = &mut self.collecting => {
                    return match ended {
                        Ok(Err(error)) => Err(error.into()),
                        _ => Err(DemoError::Ended("the demo's customers went home".into())),
                    };
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            let state = self.state(is_import).await?;
            shown.at(&state, &self.taken);
            if is_loaded
                && state.is_settled(&self.taken)
                && self.is_all_told(&probe, &state).await?
            {
                self.is_settled = true;
                break;
            }
            if last.as_ref() != Some(&state) {
                (moved, last) = (Instant::now(), Some(state));
            } else if is_loaded && moved.elapsed() > self.patience {
                tracing::error!(?last, "nothing moves any more");
                break;
            }
        }
        self.seconds = self.started.elapsed().as_secs_f64();
        Ok(())
    }

    /// Waits until so many records were read along and history has kept what they say.
    pub(super) async fn until_kept(&mut self, records: u64) -> Result<(), DemoError> {
        let deadline = Instant::now() + STALLED;
        loop {
            let state = self.state(true).await?;
            if state.records >= records && state.kept.statuses.unsigned_abs() >= state.statuses {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(DemoError::Ended(format!("record {records} never came")));
            }
            tokio::select! {
                error = self.observer.failure() => return Err(error.into()),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Lines of an import that couldn't be understood: the first of them.
    pub fn malformed(&self) -> &[MalformedLine] {
        self.import.as_ref().map_or(&[], |tally| &tally.malformed.first)
    }

    /// Records read along so far.
    pub fn records(&self) -> u64 {
        self.observer.ledger().records
    }

    /// Holds topics, stores and senders' answers against each other.
    pub async fn prove(&self) -> Result<Report, DemoError> {
        let history = &self.platform.history;
        let kept = history.counts().await?;
        let sums = match &self.import {
            Some(_) => Some((history.sales().await?, history.returns().await?)),
            None => None,
        };
        let mut findings = Findings::default();
        // Nothing is added to it any more: the run is over.
        let ledger = std::mem::take(&mut *self.observer.ledger());
        if !self.is_settled {
            let what = "the run never settled: records or outbox rows were left over";
            findings.add(Kind::Lost, "(all)", what);
        }
        check_trails(&ledger, &mut findings);
        check_accepted(&ledger, &self.taken, &mut findings);
        check_untold(&ledger, &self.taken, &mut findings);
        check_history(&ledger, history, &mut findings).await?;
        let mail = check_mails(&ledger, &self.taken, &self.platform.mailbox, &mut findings).await?;
        let import = self.import.as_ref().zip(sums).map(|(tally, (sales, returns))| {
            let figures = ImportFigures {
                lines: tally.lines,
                orders: kept.orders,
                sales_lines: tally.sales_lines,
                sales_total: cents(sales.values().sum()),
                returns: kept.returns,
                return_lines: tally.return_lines,
                returns_total: cents(returns.values().sum()),
                skipped: SkippedFigures::of(tally),
                malformed: tally.malformed.count(),
            };
            compare(&figures, tally, &mut findings);
            figures
        });
        let walks = self.taken.accepted.iter().filter_map(|(order_id, accepted)| {
            let completed = ledger.orders.get(order_id)?.completed?;
            u64::try_from(completed.duration_since(accepted.sent).as_micros()).ok()
        });
        let report = Report {
            orders: self.taken.counts,
            history: HistoryFigures {
                orders: kept.orders,
                statuses: kept.statuses,
                returns: kept.returns,
            },
            fulfilment: FulfilmentFigures {
                completed: ledger.tallies.completed,
                rejected: ledger.tallies.rejected,
                cancelled: ledger.tallies.cancelled,
            },
            notifications: NotificationFigures { mail },
            lost: findings.lost,
            duplicated: findings.duplicated,
            out_of_order: findings.out_of_order,
            resent: ledger.resent,
            accept_ms: Percentiles::of(self.taken.accept_micros.clone()),
            placed_to_completed_ms: Percentiles::of(walks.collect()),
            seconds: (self.seconds * 100.0).round() / 100.0,
            peak_rss_mib: peak_rss_mib(),
            findings: findings.shown,
            import,
        };
        *self.observer.ledger() = ledger;
        Ok(report)
    }

    /// Stops everything.
    pub async fn stop(self) -> Result<(), DemoError> {
        self.collecting.abort();
        drop(self.observer);
        Ok(self.platform.stop().await?)
    }

    /// Gives up the run's own parts; the platform goes on.
    pub fn into_platform(self) -> Platform {
        self.platform
    }

    fn parts(&self) -> LoadParts {
        LoadParts {
            api: format!("http://{}", self.platform.api),
            config: self.platform.config.clone(),
        }
    }

    /// Nothing waits in fulfilment's outbox, and `state` is of both topics up to their ends.
    async fn is_all_told(&self, probe: &Probe, state: &State) -> Result<bool, DemoError> {
        if !Outbox::new(self.platform.databases.fulfilment.clone()).is_empty().await? {
            return Ok(false);
        }
        let mut ends = 0;
        for topic in [orders::TOPIC, order_status::TOPIC] {
            for partition in 0..probe.partitions(topic).await? {
                // The broker began with this run: an end is how many records there ever were.
                let (_, end) =
                    probe.ends(&TopicPartition { topic: topic.into(), partition }).await?;
                ends += end.unsigned_abs();
            }
        }
        Ok(state.records >= ends)
    }

    async fn state(&self, is_import: bool) -> Result<State, DemoError> {
        let (placed, returns, ended, records, statuses, owed) = {
            let ledger = self.observer.ledger();
            let placed = ledger.orders.values().filter(|trail| !trail.placed.is_empty()).count();
            let owed =
                if is_import { 0 } else { ledger.mails_owed(|id| self.taken.gets_mails(id)) };
            let returns = ledger.returns.len();
            (placed as u64, returns as u64, ledger.ended, ledger.records, ledger.statuses, owed)
        };
        let kept = self.platform.history.counts().await?;
        let mails = mails(&self.platform.mailbox).await?;
        Ok(State { placed, returns, ended, records, statuses, owed, kept, mails })
    }
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) placed: u64,
    pub(super) returns: u64,
    pub(super) ended: u64,
    pub(super) records: u64,
    pub(super) statuses: u64,
    pub(super) owed: u64,
    pub(super) kept: Counts,
    pub(super) mails: u64,
}

impl State {
    fn is_settled(&self, taken: &Taken) -> bool {
        let is_kept = |kept: i64, told: u64| kept.unsigned_abs() >= told;
        self.placed >= taken.counts.accepted
            && self.returns >= taken.returns
            && self.ended >= self.placed
            && is_kept(self.kept.orders, self.placed)
            && is_kept(self.kept.statuses, self.statuses)
            && is_kept(self.kept.returns, self.returns)
            && self.mails >= self.owed
    }
}

async fn mails(mailbox: &Mailbox) -> Result<u64, StoreError> {
    Ok(mailbox.count(DeliveryOutcome::Sent).await? + mailbox.count(DeliveryOutcome::Failed).await?)
}

/// What a file says and what came out of the store.
fn compare(figures: &ImportFigures, tally: &Tally, findings: &mut Findings) {
    let mut compare = |what: &str, kept: String, read: String| {
        if kept != read {
            findings.add(Kind::Lost, "(all)", format!("{what}: {read} in the file, {kept} kept"));
        }
    };
    compare("orders", figures.orders.to_string(), tally.orders.to_string());
    compare("returns", figures.returns.to_string(), tally.returns.to_string());
    compare("sales_total", figures.sales_total.clone(), cents(tally.sales_total));
    compare("returns_total", figures.returns_total.clone(), cents(tally.returns_total));
}
