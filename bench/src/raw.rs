//! Every round as it was, for whoever doubts a median: one JSON object a line.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{Error, args::Args, cargo::target, round::Round};

pub(crate) struct Raw {
    path: PathBuf,
    file: File,
}

impl Raw {
    pub(crate) fn create(args: &Args) -> Result<Self, Error> {
        let path = match &args.raw {
            Some(path) => path.clone(),
            None => target()?.join("bench").join(format!("{}-{}.ndjson", args.bench.name(), now())),
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        let file = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        eprintln!("every round is written to {}", path.display());
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Writes a round down, and shows it. `processor`: the time that this process' threads took for
    /// it, which says what a side costs also where others slow the machine down.
    pub(crate) fn round(
        &mut self,
        case: &str,
        side: &str,
        round: &Round,
        processor: Option<Duration>,
    ) -> Result<(), Error> {
        let cut = if round.is_cut { ", cut" } else { "" };
        let (records, seconds, rate) = (round.records, round.seconds, round.rate());
        let processor = processor.map(|time| time.as_secs_f64());
        let of_a_core =
            processor.map(|took| format!(", {took:.2} s of a core")).unwrap_or_default();
        eprintln!("{case}, {side}: {records} in {seconds:.3} s, {rate:.0}/s{of_a_core}{cut}");
        self.line(&json!({
            "case": case, "side": side, "records": records, "seconds": seconds, "rate": rate,
            "processor_seconds": processor, "cut": round.is_cut,
        }))
    }

    /// Writes anything else down.
    pub(crate) fn line(&mut self, line: &Value) -> Result<(), Error> {
        writeln!(self.file, "{line}").map_err(|e| format!("{}: {e}", self.path.display()).into())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
