//! The proof: topics, stores and senders' answers held against each other.

use std::collections::BTreeMap;

use importer::Tally;

use super::{
    Demo, DemoError, Load, Site,
    check_kitchen::{KitchenFigures, check_kitchen},
    check_notifications::{Sent, check_notifications},
    check_shop::{check_money, check_stock},
    check_stores::{check_accepted, check_history, check_untold},
    check_trails::check_trails,
    findings::{Findings, Kind},
    kept::Whose,
    ledger::Ledger,
    report::{
        FulfilmentFigures, HistoryFigures, ImportFigures, Percentiles, Report, SkippedFigures,
        cents, peak_rss_mib,
    },
    shop_scenarios::{Saw, Seen},
};

impl Demo {
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
        if let Some(missing) = &self.unsettled {
            let left = match &missing[..] {
                [] => "records or outbox rows were left over".to_owned(),
                missing => missing.join(", "),
            };
            findings.add(Kind::Lost, "(all)", format!("the run never settled: {left}"));
        }
        if let Some(spike) = &self.spike {
            spike.check(&mut findings);
        }
        check_trails(ledger, &mut findings);
        let kitchen = check_kitchen(ledger, self.stages.as_ref(), &mut findings);
        check_accepted(ledger, &self.taken, &mut findings);
        check_untold(ledger, &self.taken, &mut findings);
        check_history(ledger, &whose, history, &mut findings).await?;
        let deleted = self.contacts.deleted().await?;
        let (taken, outside) = (&self.taken, self.outside.as_ref());
        let sent = Sent { ledger, taken, deleted: &deleted, whose: &whose, mailbox, outside };
        let notifications = check_notifications(sent, &mut findings).await?;
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
        let Site { books, provider, .. } = &self.site;
        let came_in = match self.came_in.get() {
            Some(came_in) => came_in.known().await?,
            None => BTreeMap::new(),
        };
        let stock = check_stock(ledger, books, &came_in, &mut findings).await?;
        let money = check_money(ledger, books, provider, &mut findings).await?;
        let told = ledger.figures();
        let scenario = match self.load {
            Load::Scenario(scenario) => {
                let Seen { outage, waited, late, meanwhile } = self.seen;
                let outage = outage.map(|outage| outage.figures(ledger));
                let oven = kitchen.get("oven").copied().unwrap_or_default();
                let messages = outside.and_then(|outside| scenario.messages(outside, meanwhile));
                let saw = Saw { outage, waited, late, oven, messages };
                Some(scenario.check(&told, &saw, &mut findings))
            }
            _ => None,
        };
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
                refunded: told.refunded,
                discounted: told.discounted,
                oversold: stock.oversold,
            },
            kitchen: KitchenFigures { speed_up: self.speed_up, stages: kitchen },
            stock,
            money,
            notifications,
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
            scenario,
        })
    }
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
