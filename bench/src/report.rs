//! What a benchmark came to: for people, or as one JSON object on the last line.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    Error,
    args::{Args, Output},
    machine,
    round::{self, Round, over},
};

/// The whole of it.
pub(crate) struct Report {
    bench: &'static str,
    /// Ours to the limit, of the goal's case at its worst; none where nothing can be said.
    ratio: Option<f64>,
    pub(crate) cases: Vec<Case>,
    /// Ours ÷ theirs, at its worst.
    pub(crate) peers: BTreeMap<String, f64>,
    /// What isn't in the figures, by name, and why.
    pub(crate) left_out: Vec<String>,
    /// Under which conditions this was measured.
    pub(crate) setting: Map<String, Value>,
    /// What a benchmark says beside the ratios.
    pub(crate) more: Map<String, Value>,
    raw: String,
}

/// One case: both sides, and the peers where there are any.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What the figures are: records a second, seconds, MiB.
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// What `ours` is held against: see docs/performance.md.
    pub(crate) limit: f64,
    /// Ours to the limit.
    pub(crate) ratio: f64,
    /// Whether it counts for the benchmark's ratio; the others are told beside it.
    pub(crate) counts: bool,
    /// By peer: ours ÷ theirs.
    pub(crate) peers: BTreeMap<String, f64>,
    /// As they were, by side.
    pub(crate) raw: BTreeMap<String, Value>,
}

impl Case {
    /// Of rounds of both sides: the medians of their rates.
    pub(crate) fn of_rates(name: &str, ours: &[Round], limit: &[Round]) -> Self {
        let (our_rate, their_rate) = (round::rate(ours), round::rate(limit));
        Self {
            name: name.to_owned(),
            unit: "records/s",
            ours: our_rate,
            limit: their_rate,
            ratio: over(our_rate, their_rate),
            counts: true,
            peers: BTreeMap::new(),
            raw: BTreeMap::from([("ours".into(), json!(ours)), ("limit".into(), json!(limit))]),
        }
    }

    /// Told, but not the goal's case.
    pub(crate) fn beside(self) -> Self {
        Self { counts: false, ..self }
    }
}

impl Report {
    pub(crate) fn new(args: &Args, raw: String) -> Self {
        Self {
            bench: args.bench.name(),
            ratio: None,
            cases: Vec::new(),
            peers: BTreeMap::new(),
            left_out: Vec::new(),
            setting: machine::describe(),
            more: Map::new(),
            raw,
        }
    }

    /// One more condition.
    pub(crate) fn under(&mut self, name: &str, value: impl Into<Value>) {
        self.setting.insert(name.to_owned(), value.into());
    }

    /// Says that something isn't in the figures.
    pub(crate) fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        eprintln!("left out: {what}");
        self.left_out.push(what);
    }

    /// The worst of the cases that count, and of each peer's.
    pub(crate) fn conclude(&mut self) {
        let counting = || self.cases.iter().filter(|case| case.counts);
        self.ratio = counting().map(|case| case.ratio).min_by(f64::total_cmp);
        for (peer, ratio) in self.cases.iter().flat_map(|case| &case.peers) {
            let worst = self.peers.entry(peer.clone()).or_insert(f64::INFINITY);
            *worst = worst.min(*ratio);
        }
    }

    pub(crate) fn print(&self, output: Output) -> Result<(), Error> {
        if output == Output::Table {
            self.table();
            return Ok(());
        }
        let mut object = Map::new();
        object.insert("bench".into(), self.bench.into());
        object.insert("ratio".into(), self.ratio.map_or(Value::Null, rounded));
        object.extend(self.more.clone());
        object.insert("cases".into(), serde_json::to_value(&self.cases)?);
        let peers = self.peers.iter().map(|(name, ratio)| (name.clone(), rounded(*ratio)));
        object.insert("peers".into(), Value::Object(peers.collect()));
        object.insert("left_out".into(), json!(self.left_out));
        object.insert("setting".into(), Value::Object(self.setting.clone()));
        object.insert("raw".into(), self.raw.clone().into());
        println!("{}", Value::Object(object));
        Ok(())
    }

    fn table(&self) {
        for (name, value) in &self.setting {
            println!("{name:<14} {}", text(value));
        }
        println!("\n{:<44} {:>12} {:>12} {:>8}", "case", "ours", "limit", "ratio");
        for case in &self.cases {
            let Case { name, ours, limit, ratio, unit, .. } = case;
            let mark = if case.counts { "" } else { "  (beside the goal)" };
            println!("{name:<44} {ours:>12.2} {limit:>12.2} {ratio:>8.3}  {unit}{mark}");
            for (peer, ratio) in &case.peers {
                println!("{:<44} {ratio:>34.3}  ours ÷ theirs", format!("  beside {peer}"));
            }
        }
        match self.ratio {
            Some(ratio) => println!("\nratio {ratio:.3}"),
            None => println!("\nno ratio"),
        }
        for (name, value) in &self.more {
            println!("{name} {}", text(value));
        }
        for (peer, ratio) in &self.peers {
            println!("{peer}: {ratio:.3} (ours ÷ theirs, at its worst)");
        }
        for what in &self.left_out {
            println!("left out: {what}");
        }
    }
}

fn rounded(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
