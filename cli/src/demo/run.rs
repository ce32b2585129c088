//! A run: start, load, settle, prove.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use history::Counts;
use importer::{MalformedLine, Tally};
use notifications::Mailbox;
use orderly_schemas::{DeliveryOutcome, order_status, orders};
use orderly_sdk::{EventId, Health, kafka::Probe, record::TopicPartition, wait_out};
use orderly_stores::StoreError;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    DemoError, Load, Site,
    check_mails::check_mails,
    check_stores::{check_accepted, check_history, check_untold},
    check_trails::check_trails,
    customers::{CustomersError, collect},
    findings::{Findings, Kind},
    fits::Size,
    intake::{Taken, Watched},
    kept::Whose,
    ledger::{Figures, Ledger, Mine},
    load::{Account, LoadParts, load, read_through},
    observe::Observer,
    progress::Bars,
    report::{
        FulfilmentFigures, HistoryFigures, ImportFigures, NotificationFigures, Percentiles, Report,
        SkippedFigures, cents, peak_rss_mib,
    },
    show_run::Shown,
    spike::SpikeFigures,
};
use crate::{
    check_retention::check_retention,
    platform::{Platform, Settings},
};

/// A run of the demo.
pub struct Demo {
    /// Where it runs.
    pub site: Site,
    platform: Option<Platform>,
    load: Load,
    run: String,
    probe: Probe,
    /// What each group reads, and who asks how far it is.
    groups: Vec<(&'static [&'static str], Probe)>,
    /// Where the topics ended when everything of the run was told.
    told_by: Option<Vec<(TopicPartition, i64)>>,
    /// Since when the stores have everything.
    over_since: Option<Instant>,
    pub(super) observer: Observer,
    collecting: JoinHandle<Result<(), CustomersError>>,
    taken: Taken,
    watched: Watched,
    import: Option<Tally>,
    spike: Option<SpikeFigures>,
    /// What was there before it began.
    before: Before,
    started: Instant,
    seconds: f64,
    is_settled: bool,
    /// What the run itself waits for.
    waiting: Health,
    /// Without any progress for so long, a run is over.
    patience: Duration,
}

/// What the stores held.
struct Before {
    kept: Counts,
    mails: u64,
}

/// The groups, and which of the orders' topics they read.
pub(super) const GROUPS: [(&str, &[&str]); 3] = [
    ("fulfilment", &[orders::TOPIC]),
    ("history", &[orders::TOPIC, order_status::TOPIC]),
    ("notifications", &[order_status::TOPIC]),
];
/// What moves at all moves within this, also where a killed member holds its partitions until its
/// session is over; a stage takes its own time besides.
const STALLED: Duration = Duration::from_secs(60);
/// A commit that got lost is only repeated with the next record: nobody waits longer for it.
const LATE_COMMITS: Duration = Duration::from_secs(10);
/// For so long a part may be away.
const LONGEST_OUTAGE: Duration = Duration::from_secs(5 * 60);
/// Between two looks at how far the run is.
const LOOK: Duration = Duration::from_millis(100);

impl Demo {
    /// Starts every service in this process, and a run on them. Refuses one that could outgrow the
    /// embedded broker.
    pub async fn start(load: Load, settings: Settings) -> Result<Self, DemoError> {
        if settings.parts.is_none() {
            let size = match &load {
                // The generator's orders have at most four lines.
                Load::Generated { orders, .. } => {
                    Size { orders: *orders, returns: 0, lines: *orders * 4 }
                }
                // About what its target makes of it, and the measuring.
                Load::Spike { seconds } => {
                    let orders = 1_000 + 400 * seconds;
                    Size { orders, returns: 0, lines: orders * 4 }
                }
                Load::Imported { path, format } => read_through(path.clone(), *format).await?.0,
            };
            size.fits(&settings.stages, &settings.topics).map_err(DemoError::TooLarge)?;
        }
        let patience = STALLED + settings.stages.total();
        let platform = Platform::start(settings).await?;
        let site = Site::of_platform(&platform).await?;
        Self::begin(load, site, Some(platform), patience).await
    }

    /// A run on services that are there, whose stages take `walk` in all.
    pub async fn on(site: Site, load: Load, walk: Duration) -> Result<Self, DemoError> {
        Self::begin(load, site, None, STALLED + walk).await
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
        let probe = Probe::new(&site.config)?;
        let mut groups = Vec::new();
        for (group, topics) in GROUPS {
            groups.push((topics, Probe::of_group(&site.config, group)?));
        }
        let id = EventId::new().to_string();
        let run = format!("{}-", &id[id.len() - 8..]);
        let mine = match &load {
            _ if !site.is_used => Mine::Everything,
            Load::Generated { .. } | Load::Spike { .. } => Mine::Customers(run.clone()),
            Load::Imported { path, format } => {
                let topics = [orders::TOPIC];
                check_retention(&site.config, &topics, path.clone(), *format).await?;
                Mine::Documents(Arc::new(read_through(path.clone(), *format).await?.1))
            }
        };
        let mut starts = Vec::new();
        for topic in [orders::TOPIC, order_status::TOPIC] {
            for partition in 0..probe.partitions(topic).await? {
                let partition = TopicPartition { topic: topic.into(), partition };
                let (oldest, end) = probe.ends(&partition).await?;
                // A document that was imported before is there already, with all that came of it.
                let start = if matches!(mine, Mine::Customers(_)) { end } else { oldest };
                starts.push((partition, start));
            }
        }
        let before = match &mine {
            Mine::Customers(_) => {
                Before { kept: site.history.counts().await?, mails: mails(&site.mailbox).await? }
            }
            _ => Before { kept: Counts::default(), mails: 0 },
        };
        let (observer, ready) = Observer::start(&site.config, &starts, mine)?;
        let config = site.config.clone();
        let collecting = tokio::spawn(async move { collect(&config, ready).await });
        Ok(Self {
            site,
            platform,
            load,
            run,
            probe,
            groups,
            told_by: None,
            over_since: None,
            observer,
            collecting,
            taken: Taken::default(),
            watched: Watched::default(),
            import: None,
            spike: None,
            before,
            started,
            seconds: 0.0,
            is_settled: false,
            waiting: Health::of("demo"),
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
            if is_loaded && state.is_settled(&self.taken) && self.is_all_told().await? {
                self.is_settled = true;
                break;
            }
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

    /// Holds topics, stores and senders' answers against each other.
    pub async fn prove(&self) -> Result<Report, DemoError> {
        // Nothing is added to it any more: the run is over.
        let mut ledger = std::mem::take(&mut *self.observer.ledger());
        let proven = self.prove_by(&mut ledger).await;
        *self.observer.ledger() = ledger;
        proven
    }

    async fn prove_by(&self, ledger: &mut Ledger) -> Result<Report, DemoError> {
        ledger.keep_mine();
        let ledger = &*ledger;
        let whose = if self.site.is_used { Whose::Ours(ledger.ids()) } else { Whose::Everybody };
        let Site { history, mailbox, .. } = &self.site;
        let kept = whose.counts(history).await?;
        let mut findings = Findings::default();
        if !self.is_settled {
            let what = "the run never settled: records or outbox rows were left over";
            findings.add(Kind::Lost, "(all)", what);
        }
        if let Some(spike) = &self.spike {
            for (group, lag) in spike.lag_after.iter().filter(|(_, lag)| **lag > 0) {
                let what = format!("group {group} stayed {lag} records behind after the spike");
                findings.add(Kind::Lost, "(all)", what);
            }
        }
        check_trails(ledger, &mut findings);
        check_accepted(ledger, &self.taken, &mut findings);
        check_untold(ledger, &self.taken, &mut findings);
        check_history(ledger, &whose, history, &mut findings).await?;
        let mail = check_mails(ledger, &self.taken, &whose, mailbox, &mut findings).await?;
        let import = match &self.import {
            None => None,
            Some(tally) => {
                let (sales, returns) = whose.sums(history).await?;
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
                Some(figures)
            }
        };
        let told = ledger.figures();
        let walks = self.taken.accepted.iter().filter_map(|(order_id, accepted)| {
            let completed = ledger.orders.get(order_id)?.completed?;
            u64::try_from(completed.duration_since(accepted.sent).as_micros()).ok()
        });
        Ok(Report {
            orders: self.taken.counts,
            history: HistoryFigures {
                orders: kept.orders,
                statuses: kept.statuses,
                returns: kept.returns,
            },
            fulfilment: FulfilmentFigures {
                completed: told.completed,
                rejected: told.rejected,
                cancelled: told.cancelled,
            },
            notifications: NotificationFigures { mail },
            lost: findings.lost,
            duplicated: findings.duplicated,
            out_of_order: findings.out_of_order,
            resent: told.resent,
            accept_ms: Percentiles::of(self.taken.accept_micros.clone()),
            placed_to_completed_ms: Percentiles::of(walks.collect()),
            seconds: (self.seconds * 100.0).round() / 100.0,
            peak_rss_mib: peak_rss_mib(),
            findings: findings.shown,
            import,
            spike: self.spike.clone(),
        })
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
        }
    }

    /// Asks again while a part is away, within bounds.
    async fn ask<T, F: Future<Output = Result<T, DemoError>>>(
        &self,
        question: impl Fn() -> F,
    ) -> Result<T, DemoError> {
        let asking = tokio::time::timeout(LONGEST_OUTAGE, wait_out(&self.waiting, &question));
        match asking.await {
            Ok(answer) => answer,
            Err(_) => question().await,
        }
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
        let ends = self.ends().await?;
        if (is_late || self.is_done_by_all(&ends).await?) && self.site.is_outbox_empty().await? {
            return Ok(Some(self.ends().await?));
        }
        Ok(None)
    }

    /// The offset behind the last record of each partition.
    async fn ends(&self) -> Result<Vec<(TopicPartition, i64)>, DemoError> {
        let mut ends = Vec::new();
        for topic in [orders::TOPIC, order_status::TOPIC] {
            for partition in 0..self.probe.partitions(topic).await? {
                let at = TopicPartition { topic: topic.into(), partition };
                let (_, end) = self.probe.ends(&at).await?;
                ends.push((at, end));
            }
        }
        Ok(ends)
    }

    /// Every group committed up to these ends.
    async fn is_done_by_all(&self, ends: &[(TopicPartition, i64)]) -> Result<bool, DemoError> {
        for (topics, probe) in &self.groups {
            for lag in probe.lag(topics).await? {
                let end = ends.iter().find(|(at, _)| *at == lag.partition).map(|(_, end)| *end);
                if end.is_some_and(|end| end > lag.committed.unwrap_or(0)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// What the stores have of the run's own orders.
    async fn ours(&self, state: &State) -> Result<State, DemoError> {
        let ids: Vec<String> =
            self.observer.ledger().ids().into_iter().map(str::to_owned).collect();
        let ours = Whose::Ours(ids.iter().map(String::as_str).collect());
        let mut mails = 0;
        ours.each_mail(&self.site.mailbox, |_| mails += 1).await?;
        Ok(State { kept: ours.counts(&self.site.history).await?, mails, ..state.clone() })
    }

    async fn state(&self, is_import: bool) -> Result<State, DemoError> {
        let (figures, records, owed) = {
            let ledger = self.observer.ledger();
            let owed =
                if is_import { 0 } else { ledger.mails_owed(|id| self.taken.gets_mails(id)) };
            (ledger.figures(), ledger.records, owed)
        };
        let Before { kept: before, mails: mails_before } = &self.before;
        let kept = self.site.history.counts().await?;
        let kept = Counts {
            orders: kept.orders - before.orders,
            statuses: kept.statuses - before.statuses,
            returns: kept.returns - before.returns,
        };
        let mails = mails(&self.site.mailbox).await?.saturating_sub(*mails_before);
        Ok(State { figures, records, owed, kept, mails })
    }
}

/// Resolves when a service of this process fails.
async fn failure(platform: Option<&Platform>) -> String {
    match platform {
        Some(platform) => platform.failure().await,
        None => std::future::pending().await,
    }
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// By the topics.
    pub(super) figures: Figures,
    pub(super) records: u64,
    pub(super) owed: u64,
    /// By the stores.
    pub(super) kept: Counts,
    pub(super) mails: u64,
}

impl State {
    /// By the topics the run's orders came to their end.
    fn is_over(&self, taken: &Taken) -> bool {
        let Figures { placed, ended, returns, .. } = self.figures;
        placed >= taken.counts.accepted && returns >= taken.returns && ended >= placed
    }

    /// What moves while the run does, and isn't moved by others' orders.
    fn progress(&self, is_used: bool, is_over: bool) -> Self {
        let mut progress = self.clone();
        if is_used {
            progress.records = 0;
            if !is_over {
                (progress.kept, progress.mails) = (Counts::default(), 0);
            }
        }
        progress
    }

    fn is_settled(&self, taken: &Taken) -> bool {
        let is_kept = |kept: i64, told: u64| kept.unsigned_abs() >= told;
        let Figures { placed, returns, statuses, .. } = self.figures;
        self.is_over(taken)
            && is_kept(self.kept.orders, placed)
            && is_kept(self.kept.statuses, statuses)
            && is_kept(self.kept.returns, returns)
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
