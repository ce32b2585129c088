//! Resident memory of processes, looked at while they work.

use std::{collections::BTreeMap, fs, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};

use crate::Error;

const LOOK: Duration = Duration::from_millis(200);
const MIB: f64 = 1024.0;

/// What was seen.
#[derive(Default)]
pub(crate) struct Peak {
    /// The highest sum, in MiB: of what processes share, each has its share (PSS).
    pub(crate) mib: f64,
    /// The highest sum where each has all of what it shares (RSS).
    pub(crate) rss_mib: f64,
    /// Each one's part of it.
    pub(crate) parts: BTreeMap<String, f64>,
    /// The sum at each look.
    pub(crate) sums: Vec<f64>,
}

/// Looks until it is told to end.
pub(crate) struct Watched {
    stop: oneshot::Sender<()>,
    watching: JoinHandle<Result<Peak, Error>>,
}

impl Watched {
    /// Names and process ids.
    pub(crate) fn begin(processes: Vec<(String, u32)>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let watching = tokio::spawn(async move {
            let mut peak = Peak::default();
            loop {
                let (mut parts, mut rss) = (BTreeMap::new(), 0.0);
                for (name, pid) in &processes {
                    let rollup = format!("/proc/{pid}/smaps_rollup");
                    parts.insert(name.clone(), rounded(kib(&rollup, "Pss:")? / MIB));
                    rss += kib(&rollup, "Rss:")? / MIB;
                }
                peak.rss_mib = peak.rss_mib.max(rounded(rss));
                let sum = rounded(parts.values().sum());
                peak.sums.push(sum);
                if sum > peak.mib {
                    (peak.mib, peak.parts) = (sum, parts);
                }
                tokio::select! {
                    _ = &mut stopped => return Ok(peak),
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Self { stop, watching }
    }

    pub(crate) async fn end(self) -> Result<Peak, Error> {
        let _ = self.stop.send(());
        self.watching.await?
    }
}

/// The most that a process ever had, in MiB.
pub(crate) fn peak(pid: u32) -> Result<f64, Error> {
    Ok(rounded(kib(&format!("/proc/{pid}/status"), "VmHWM:")? / MIB))
}

fn kib(path: &str, name: &str) -> Result<f64, Error> {
    let text = fs::read_to_string(path).map_err(|why| format!("{path}: {why}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.ok_or_else(|| format!("{path} says nothing of {name}").into())
}

fn rounded(mib: f64) -> f64 {
    (mib * 100.0).round() / 100.0
}
