//! Resident memory of processes, looked at while they work.

use std::{collections::BTreeMap, fs, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};

use crate::Error;

const LOOK: Duration = Duration::from_millis(200);
const MIB: f64 = 1024.0;

/// What was seen.
#[derive(Default)]
pub(super) struct Peak {
    /// The highest sum, in MiB.
    pub(super) mib: f64,
    /// Each one's part of it.
    pub(super) parts: BTreeMap<String, f64>,
    /// The sum at each look.
    pub(super) sums: Vec<f64>,
}

/// Looks until it is told to end.
pub(super) struct Watched {
    stop: oneshot::Sender<()>,
    watching: JoinHandle<Result<Peak, Error>>,
}

impl Watched {
    /// Names and process ids.
    pub(super) fn begin(processes: Vec<(String, u32)>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let watching = tokio::spawn(async move {
            let mut peak = Peak::default();
            loop {
                let mut parts = BTreeMap::new();
                for (name, pid) in &processes {
                    parts.insert(name.clone(), rounded(resident(*pid)? / MIB));
                }
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

    pub(super) async fn end(self) -> Result<Peak, Error> {
        let _ = self.stop.send(());
        self.watching.await?
    }
}

/// In KiB.
fn resident(pid: u32) -> Result<f64, Error> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(|why| format!("{path}: {why}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.ok_or_else(|| format!("{path} says nothing of VmRSS").into())
}

fn rounded(mib: f64) -> f64 {
    (mib * 100.0).round() / 100.0
}
