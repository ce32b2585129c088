//! A run: start, load, settle.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use fulfilment::Stages;
use history::Counts;
use importer::{MalformedLine, Tally};
use orderly_schemas::orders;
use orderly_sdk::{EventId, Health, record::TopicPartition};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    DemoError, Load, Site,
    came_in::CameIn,
    contacts::Contacts,
    customers::{CustomersError, collect},
    fits::Size,
    intake::{Taken, Watched},
    lags::{Lags, STALLED},
    ledger::Mine,
    load::{Account, LoadParts, load, read_through},
    observe::Observer,
    outlast::outlast,
    outside::Outside,
    progress::Bars,
    shop_scenarios::Seen,
    show_run::Shown,
    spike::SpikeFigures,
    state::{Before, mails},
};
use crate::{
    check_retention::check_retention,
    platform::{Platform, PricesFrom, Settings},
};

/// A run of the demo.
pub struct Demo {
    /// Where it runs.
    pub site: Site,
    platform: Option<Platform>,
    pub(super) load: Load,
    run: String,
    lags: Lags,
    /// Where the topics ended when everything of the run was told.
    told_by: Option<Vec<(TopicPartition, i64)>>,
    /// Since when the stores have everything.
    over_since: Option<Instant>,
    pub(super) observer: Observer,
    pub(super) contacts: Contacts,
    collecting: JoinHandle<Result<(), CustomersError>>,
    pub(super) taken: Taken,
    watched: Watched,
    pub(super) import: Option<Tally>,
    pub(super) spike: Option<SpikeFigures>,
    pub(super) seen: Seen,
    /// The kitchen, where it is known.
    pub(super) stages: Option<Stages>,
    /// So many times as fast as it was said to be.
    pub(super) speed_up: u32,
    /// Whom the platform tells, where it was started for the run.
    pub(super) outside: Option<Outside>,
    /// What was there before it began.
    pub(super) before: Before,
    /// What came in of each product before the first order.
    pub(super) came_in: Arc<OnceLock<CameIn>>,
    started: Instant,
    pub(super) seconds: f64,
    /// What was still to come at its end, as far as topics and stores tell; `None`: it settled.
    pub(super) unsettled: Option<Vec<String>>,
    /// What the run itself waits for.
    waiting: Health,
    /// Without any progress for so long, a run is over.
    patience: Duration,
}

/// A commit that got lost is only repeated with the next record: nobody waits longer for it.
const LATE_COMMITS: Duration = Duration::from_secs(10);
/// Between two looks at how far the run is.
const LOOK: Duration = Duration::from_millis(100);

impl Demo {
    /// Starts every service in this process, and a run on them. Refuses one that could outgrow the
    /// embedded broker.
    pub async fn start(load: Load, settings: Settings) -> Result<Self, DemoError> {
        if settings.parts.is_none() {
            let size = match &load {
                // The generator's orders have at most four lines.
                Load::Generated { orders, .. } | Load::Varied { orders, .. } => {
                    Size { orders: *orders, returns: 0, lines: *orders * 4 }
                }
                Load::Scenario(_) => Size { orders: 1_000, returns: 0, lines: 1_000 },
                // About what its target makes of it, and the measuring.
                Load::Spike { seconds } => {
                    let orders = 1_000 + 400 * seconds;
                    Size { orders, returns: 0, lines: orders * 4 }
                }
                Load::Imported { path, format } => read_through(path.clone(), *format).await?.0,
            };
            size.fits(&settings.rules.stages, &settings.topics).map_err(DemoError::TooLarge)?;
        }
        let stages = settings.rules.stages.clone();
        let patience = STALLED + stages.total();
        let prices = match &load {
            Load::Varied { .. } => PricesFrom::Catalogue,
            _ => settings.prices,
        };
        let outside = Outside::stand(&load).await?;
        let settings = Settings { prices, ..settings };
        let platform = Platform::start_telling(settings, outside.ways()?).await?;
        let site = Site::of_platform(&platform).await?;
        let demo = Self::begin(load, site, Some(platform), patience).await?;
        Ok(Self { stages: Some(stages), outside: Some(outside), ..demo })
    }

    /// A run on services that are there, whose stages take `walk` in all.
    pub async fn on(site: Site, load: Load, walk: Duration) -> Result<Self, DemoError> {
        Self::begin(load, site, None, STALLED + walk).await
    }

    /// The same, its kitchen so many times as fast as it was said to be.
    #[must_use]
    pub fn sped_up(self, speed_up: u32) -> Self {
        Self { speed_up, ..self }
    }

    /// The same, over once nothing has moved for so long.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    async fn begin(
        load: Load,
        site: Site,
        platform: Option<Platform>,
        patience: Duration,
    ) -> Result<Self, DemoError> {
        let started = Instant::now();
        let lags = Lags::of_site(&site)?;
        let id = EventId::new().to_string();
        let run = format!("{}-", &id[id.len() - 8..]);
        let mine = match &load {
            _ if !site.is_used => Mine::Everything,
            Load::Generated { .. }
            | Load::Varied { .. }
            | Load::Spike { .. }
            | Load::Scenario(_) => Mine::Customers(run.clone()),
            Load::Imported { path, format } => {
                let topics = [orders::TOPIC];
                check_retention(&site.config, &topics, path.clone(), *format).await?;
                Mine::Documents(Arc::new(read_through(path.clone(), *format).await?.1))
            }
        };
        // A document that was imported before is there already, with all that came of it.
        let is_new = matches!(mine, Mine::Customers(_));
        let start = |kept: Range<i64>| if is_new { kept.end } else { kept.start };
        let starts: Vec<_> =
            lags.kept().await?.into_iter().map(|(at, kept)| (at, start(kept))).collect();
        let before = match &mine {
            Mine::Customers(_) => {
                Before { kept: site.history.counts().await?, mails: mails(&site.mailbox).await? }
            }
            _ => Before { kept: Counts::default(), mails: 0 },
        };
        let contacts = Contacts::from_now(&site.config).await?;
        let (observer, ready) = Observer::start(&site.config, &starts, mine)?;
        let waiting = Health::of("demo");
        let (config, health) = (site.config.clone(), waiting.clone());
        let collecting = tokio::spawn(async move { collect(&config, ready, &health).await });
        Ok(Self {
            site,
            platform,
            load,
            run,
            lags,
            told_by: None,
            over_since: None,
            observer,
            contacts,
            collecting,
            taken: Taken::default(),
            watched: Watched::default(),
            import: None,
            spike: None,
            seen: Seen::default(),
            stages: None,
            speed_up: 1,
            outside: None,
            before,
            came_in: Arc::default(),
            started,
            seconds: 0.0,
            unsettled: Some(Vec::new()),
            waiting,
            patience,
        })
    }

    /// Hands in every order, then waits until every accepted one came to its end everywhere; or
    /// until nothing moves any more, and the proof will say what is missing.
    pub async fn run(&mut self, bars: &Bars) -> Result<(), DemoError> {
        let (senders, mut intakes) = mpsc::channel(1_000);
        let (accounts, mut account) = mpsc::channel(1);
        let mut loading = tokio::spawn(load(self.load.clone(), self.parts(), senders, accounts));
        let is_import = matches!(self.load, Load::Imported { .. });
        let shown = Shown::new(bars, &self.load);
        let mut is_loaded = false;
        let (mut moved, mut last, mut pause) = (Instant::now(), None, LOOK);
        loop {
            tokio::select! {
                biased;
                intake = intakes.recv(), if !is_loaded => match intake {
                    Some(intake) => {
                        self.taken.add(intake);
                        let mut seen = self.watched.lock();
                        seen.answered += 1;
                        seen.accepted = self.taken.counts.accepted;
                        continue;
                    }
                    None => {
                        is_loaded = true;
                        (&mut loading).await.map_err(|e| DemoError::Ended(e.to_string()))??;
                        match account.recv().await {
                            Some(Account::Import(tally)) => self.import = Some(tally),
                            Some(Account::Spike(figures)) => self.spike = Some(figures),
                            Some(Account::Seen(seen)) => self.seen = seen,
                            None => {}
                        }
                    }
                },
                why = failure(self.platform.as_ref()) => return Err(DemoError::Service(why)),
                error = self.observer.failure() => return Err(error.into()),
                ended = &mut self.collecting => {
                    return match ended {
                        Ok(Err(error)) => Err(error.into()),
                        _ => Err(DemoError::Ended("the demo's customers went home".into())),
                    };
                }
                () = tokio::time::sleep(pause) => {}
            }
            let looked = Instant::now();
            // What is away for a while is away for the services, too: the run goes on.
            let mut state = self.ask(|| self.state(is_import)).await?;
            if self.site.is_used && is_loaded && state.is_over(&self.taken) {
                // Counted with others', their orders might stand for some of ours.
                state = self.ask(|| self.ours(&state)).await?;
            }
            // Looking takes no more than a tenth of the stores' time.
            pause = LOOK.max(looked.elapsed() * 10);
            shown.at(&state, &self.taken);
            self.watched.lock().ended = state.figures.ended;
            let missing = state.missing(&self.taken);
            if is_loaded && missing.is_empty() && self.is_all_told().await? {
                self.unsettled = None;
                break;
            }
            self.unsettled = Some(missing);
            let progress = state.progress(self.site.is_used, state.is_over(&self.taken));
            if last.as_ref() != Some(&progress) {
                (moved, last) = (Instant::now(), Some(progress));
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
            if state.records >= records
                && state.kept.statuses.unsigned_abs() >= state.figures.statuses
            {
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

    /// Tells how far it is while it runs.
    pub fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// Records read along so far.
    pub fn records(&self) -> u64 {
        self.observer.ledger().records
    }

    /// Ends the run, and the services that were started for it.
    pub async fn stop(self) -> Result<(), DemoError> {
        self.collecting.abort();
        drop(self.observer);
        match self.platform {
            Some(platform) => Ok(platform.stop().await?),
            None => Ok(()),
        }
    }

    /// Gives up the run's own parts; the services that were started for it go on.
    pub fn into_platform(self) -> Option<Platform> {
        self.platform
    }

    fn parts(&self) -> LoadParts {
        LoadParts {
            api: self.site.api.clone(),
            config: self.site.config.clone(),
            run: self.run.clone(),
            watched: self.watched.clone(),
            databases: self.site.databases.clone(),
            keepers: self.site.keepers.clone(),
            is_used: self.site.is_used,
            lags: self.lags.clone(),
            came_in: Arc::clone(&self.came_in),
            outside: self.outside.clone(),
            waiting: self.waiting.clone(),
        }
    }

    /// Asks again while a part is away, within bounds.
    async fn ask<T, F: Future<Output = Result<T, DemoError>>>(
        &self,
        question: impl Fn() -> F,
    ) -> Result<T, DemoError> {
        outlast(&self.waiting, question).await
    }

    /// Nobody has anything left to do for what the topics held when the run's orders had ended, and
    /// both topics were read to where they ended after that: whatever was told a second time was
    /// seen.
    async fn is_all_told(&mut self) -> Result<bool, DemoError> {
        let Some(told_by) = &self.told_by else {
            let since = *self.over_since.get_or_insert_with(Instant::now);
            let is_late = since.elapsed() > LATE_COMMITS;
            self.told_by = self.ask(|| self.find_told_by(is_late)).await?;
            return Ok(false);
        };
        let ledger = self.observer.ledger();
        Ok(told_by.iter().all(|(at, end)| ledger.next(at) >= *end))
    }

    async fn find_told_by(
        &self,
        is_late: bool,
    ) -> Result<Option<Vec<(TopicPartition, i64)>>, DemoError> {
        let ends = self.lags.ends().await?;
        if (is_late || self.lags.are_done(&ends).await?) && self.site.is_at_rest().await? {
            return Ok(Some(self.lags.ends().await?));
        }
        Ok(None)
    }
}

/// Resolves when a service of this process fails.
async fn failure(platform: Option<&Platform>) -> String {
    match platform {
        Some(platform) => platform.failure().await,
        None => std::future::pending().await,
    }
}
