//! What a run found out: one JSON object, or a table.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Color, LineStyle, Table, TableStyle};
use importer::{SkipReason, Tally};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    at_the_counter::{LateFigures, WaitedFigures},
    check_kitchen::{KitchenFigures, StageFigures},
    check_shop::{MoneyFigures, StockFigures},
    findings::{Finding, Kind},
    intake::Counts,
    outages::OutageFigures,
    shop_scenarios::ScenarioFigures,
    spike::SpikeFigures,
};

/// A line above, below the head, and at the end.
const LINES: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// The result of a run. Field names are those of `-o json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What its senders know of each order.
    pub orders: Counts,
    /// What the history store has.
    pub history: HistoryFigures,
    /// How orders ended, by their topic.
    pub fulfilment: FulfilmentFigures,
    /// What happened in the kitchen.
    pub kitchen: KitchenFigures,
    /// What fulfilment counts of each product.
    pub stock: StockFigures,
    /// What was paid by card.
    pub money: MoneyFigures,
    /// What was sent.
    pub notifications: NotificationFigures,
    /// Missing on a topic, in a store or among the messages.
    pub lost: u64,
    /// There a second time.
    pub duplicated: u64,
    /// Overtaken by a later event of the same order.
    pub out_of_order: u64,
    /// Records that repeat an event id: known by it, and harmless.
    pub resent: u64,
    /// From sending an order to its acknowledgement, milliseconds.
    pub accept_ms: Percentiles,
    /// From sending an order to its completion's appearance on its topic, milliseconds of the wall
    /// clock.
    pub placed_to_completed_ms: Percentiles,
    /// How long the run took.
    pub seconds: f64,
    /// Most memory the process had; `null` where the system doesn't say.
    pub peak_rss_mib: Option<u64>,
    /// The first of what is wrong.
    pub findings: Vec<Finding>,
    /// What was read from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportFigures>,
    /// What came of a spike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spike: Option<SpikeFigures>,
    /// What a scenario claims, and whether it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioFigures>,
}

/// What the history store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryFigures {
    /// Orders placed.
    pub orders: i64,
    /// Statuses of them.
    pub statuses: i64,
    /// Returns.
    pub returns: i64,
}

/// How orders ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FulfilmentFigures {
    /// Collected.
    pub completed: u64,
    /// Not taken on.
    pub rejected: u64,
    /// Called off.
    pub cancelled: u64,
    /// Of which money went back.
    pub refunded: u64,
    /// Confirmed with a discount.
    pub discounted: u64,
    /// Pieces promised or collected beyond what came in.
    pub oversold: i64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NotificationFigures {
    /// Mails.
    pub mail: u64,
    /// Text messages.
    pub sms: u64,
    /// Webhooks.
    pub webhook: u64,
}

/// What an import read, and what of it came out of the history store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportFigures {
    /// Data lines read.
    pub lines: u64,
    /// Orders, from the history store.
    pub orders: i64,
    /// Their lines in the file.
    pub sales_lines: u64,
    /// What they come to, from the history store.
    pub sales_total: String,
    /// Returns, from the history store.
    pub returns: i64,
    /// Their lines in the file.
    pub return_lines: u64,
    /// What they come to, from the history store.
    pub returns_total: String,
    /// What is no order, on purpose.
    pub skipped: SkippedFigures,
    /// Lines that couldn't be understood.
    pub malformed: u64,
}

/// What was read and left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedFigures {
    /// Whole invoices.
    pub invoices: u64,
    /// Their lines.
    pub lines: u64,
    /// How many invoices for which reason.
    pub by_reason: BTreeMap<SkipReason, u64>,
}

impl SkippedFigures {
    pub(super) fn of(tally: &Tally) -> Self {
        let skipped = tally.skipped.clone();
        Self { invoices: skipped.invoices, lines: skipped.lines, by_reason: skipped.by_reason }
    }
}

/// The middle and the tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are below.
    pub p50: f64,
    /// 99 of 100 are below.
    pub p99: f64,
}

impl Percentiles {
    /// Of microseconds, in milliseconds; zero where there are none.
    #[allow(clippy::cast_precision_loss, reason = "shown with two decimals")]
    pub(super) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        // Nearest rank: the smallest that so many in a hundred are not above.
        let at = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100).max(1);
            let micros = micros.get(rank - 1).copied().unwrap_or_default();
            (micros as f64 / 10.0).round() / 100.0
        };
        Self { p50: at(50), p99: at(99) }
    }
}

impl Report {
    /// Nothing is wrong.
    pub fn is_proven(&self) -> bool {
        self.lost + self.duplicated + self.out_of_order == 0 && !self.is_about_nothing()
    }

    /// Neither an order nor a return was taken: nothing could have gone wrong.
    pub fn is_about_nothing(&self) -> bool {
        self.orders.accepted == 0 && self.history.returns == 0
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(LINES);
        table.set_header(["", "", "figure"]);
        let mut row = |group: &str, name: &str, figure: String| {
            let figure = Cell::new(figure).set_alignment(CellAlignment::Right);
            table.add_row(vec![Cell::new(group), Cell::new(name), figure]);
        };
        row("orders", "submitted", self.orders.submitted.to_string());
        row("", "accepted", self.orders.accepted.to_string());
        row("", "rejected", self.orders.rejected.to_string());
        row("", "unknown", self.orders.unknown.to_string());
        if let Some(import) = &self.import {
            import.rows(&mut row);
        }
        if let Some(spike) = &self.spike {
            spike.rows(&mut row);
        }
        row("history", "orders", self.history.orders.to_string());
        row("", "statuses", self.history.statuses.to_string());
        row("", "returns", self.history.returns.to_string());
        row("fulfilment", "completed", self.fulfilment.completed.to_string());
        row("", "rejected", self.fulfilment.rejected.to_string());
        row("", "cancelled", self.fulfilment.cancelled.to_string());
        row("", "refunded", self.fulfilment.refunded.to_string());
        row("", "discounted", self.fulfilment.discounted.to_string());
        self.kitchen.rows(&mut row);
        self.shop_rows(&mut row);
        row("notifications", "mails", self.notifications.mail.to_string());
        row("", "text messages", self.notifications.sms.to_string());
        row("", "webhooks", self.notifications.webhook.to_string());
        row("accepted in", "p50 / p99 ms", pair(self.accept_ms));
        row("placed to completed", "p50 / p99 ms", pair(self.placed_to_completed_ms));
        row("the run", "seconds", format!("{:.1}", self.seconds));
        if let Some(mib) = self.peak_rss_mib {
            row("", "peak RSS MiB", mib.to_string());
        }
        if let Some(scenario) = &self.scenario {
            scenario.rows(&mut row);
        }
        row("resent", "same event id again", self.resent.to_string());
        for (name, count) in [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("out of order", self.out_of_order),
        ] {
            let color = if count == 0 { Color::Green } else { Color::Red };
            let figure = Cell::new(count).set_alignment(CellAlignment::Right).fg(color);
            table.add_row(vec![Cell::new("proof"), Cell::new(name), figure]);
        }
        let mut text = table.to_string();
        for Finding { kind, order_id, what } in &self.findings {
            let kind = match kind {
                Kind::Lost => "lost",
                Kind::Duplicated => "duplicated",
                Kind::OutOfOrder => "out of order",
            };
            text.push_str(&format!("\n{kind}: order {order_id}: {what}"));
        }
        text
    }
}

impl Report {
    fn shop_rows(&self, row: &mut impl FnMut(&str, &str, String)) {
        let StockFigures { products, known, received, held, sold, left, oversold } = self.stock;
        if products > 0 {
            row("stock", "received", format!("{received} of {products} products"));
            row("", "counted by this run alone", format!("{known} products"));
            row("", "held, sold, left", format!("{held} + {sold} + {left}"));
            row("", "oversold", oversold.to_string());
        }
        let MoneyFigures { authorised, captured, voided, refunded, revenue } = self.money;
        if !authorised.is_zero() {
            row("cards", "authorised", cents(authorised));
            row("", "captured, voided", format!("{} + {}", cents(captured), cents(voided)));
            row("", "refunded", cents(refunded));
            row("", "revenue", cents(revenue));
        }
    }
}

impl ImportFigures {
    fn rows(&self, row: &mut impl FnMut(&str, &str, String)) {
        row("import", "lines read", self.lines.to_string());
        row("", "orders", format!("{} on {} lines", self.orders, self.sales_lines));
        row("", "they come to", self.sales_total.clone());
        row("", "returns", format!("{} on {} lines", self.returns, self.return_lines));
        row("", "they come to", self.returns_total.clone());
        for (reason, count) in &self.skipped.by_reason {
            row("", "skipped", format!("{count} × {}", reason_text(*reason)));
        }
        row("", "malformed lines", self.malformed.to_string());
    }
}

impl SpikeFigures {
    fn rows(&self, row: &mut impl FnMut(&str, &str, String)) {
        row("spike", "kept up with, a second", format!("{:.1}", self.sustainable_per_second));
        row("", "sent, a second", format!("{} for {} s", self.spike_per_second, self.seconds));
        row("", "accepted before, p50 / p99 ms", pair(self.accept_ms_before));
        row("", "accepted in it, p50 / p99 ms", pair(self.accept_ms_in_spike));
        if let Some(free) = self.accept_ms_with_nothing_slow {
            row("", "with nothing slow, p50 / p99 ms", pair(free));
        }
        row("", "allowed, p99 ms", format!("{:.1}", self.accept_ms_allowed));
        for (group, peak) in &self.lag_peak {
            let after = self.lag_after.get(group).copied().unwrap_or_default();
            row("", &format!("lag of {group}"), format!("{peak} at most, {after} after"));
        }
        row("", "drained in, seconds", format!("{:.1}", self.drained_in_seconds));
    }
}

impl ScenarioFigures {
    fn rows(&self, row: &mut impl FnMut(&str, &str, String)) {
        let Self { claim, holds, outage, waited, late, .. } = *self;
        row("scenario", claim, if holds { "holds" } else { "does not hold" }.to_owned());
        if let Some(OutageFigures { turned_away, confirmed }) = outage {
            row("", "orders turned away in the outage", turned_away.to_string());
            row("", "orders confirmed in it", confirmed.to_string());
        }
        if let Some(WaitedFigures { were_told }) = waited {
            row("", "told how many are ahead", were_told.to_string());
        }
        if let Some(LateFigures { late, were_ready, were_completed }) = late {
            row("", "came late", late.to_string());
            row("", "found it ready, have it", format!("{were_ready}, {were_completed}"));
        }
    }
}

impl KitchenFigures {
    fn rows(&self, row: &mut impl FnMut(&str, &str, String)) {
        let Self { speed_up, stages } = self;
        row("kitchen", "times as fast", speed_up.to_string());
        for (stage, figures) in stages {
            let StageFigures { places, at_once, queued, longest_line, .. } = *figures;
            let of_places = places.map_or(String::new(), |places| format!(" of {places} places"));
            row("", stage, format!("{at_once}{of_places} at once"));
            if queued > 0 {
                row("", "", format!("{queued} in line, {longest_line} at once"));
            }
        }
    }
}

/// An import's own account of a file, for people.
pub fn import_table(tally: &Tally) -> String {
    let mut table = Table::new();
    table.load_style(LINES);
    let figures = ImportFigures {
        lines: tally.lines,
        orders: tally.orders.cast_signed(),
        sales_lines: tally.sales_lines,
        sales_total: cents(tally.sales_total),
        returns: tally.returns.cast_signed(),
        return_lines: tally.return_lines,
        returns_total: cents(tally.returns_total),
        skipped: SkippedFigures::of(tally),
        malformed: tally.malformed.count(),
    };
    figures.rows(&mut |_, name, figure| {
        table.add_row(vec![Cell::new(name), Cell::new(figure).set_alignment(CellAlignment::Right)]);
    });
    table.to_string()
}

/// With two decimals, halves away from zero.
pub(super) fn cents(amount: Decimal) -> String {
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    format!("{:.2}", amount.round_dp_with_strategy(2, strategy))
}

fn reason_text(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::StockAdjustment => "stock adjustment",
        SkipReason::BadDebt => "bad debt",
    }
}

fn pair(percentiles: Percentiles) -> String {
    format!("{:.1} / {:.1}", percentiles.p50, percentiles.p99)
}

/// The most memory this process had, where the system says.
pub(super) fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = (1..=100).map(|n| n * 1_000).collect();
        assert_eq!(Percentiles::of(hundred), Percentiles { p50: 50.0, p99: 99.0 });
        assert_eq!(Percentiles::of(vec![7_000]), Percentiles { p50: 7.0, p99: 7.0 });
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }
}
