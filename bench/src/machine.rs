//! What this machine is: a figure without it says nothing.

use std::{fs, time::Duration};

use serde_json::{Map, Value};

/// Processor, cores, memory and kernel.
pub(crate) fn describe() -> Map<String, Value> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = first("/proc/meminfo", "MemTotal").and_then(|kib| {
        let kib: u64 = kib.trim_end_matches("kB").trim().parse().ok()?;
        Some(format!("{} MiB", kib / 1024))
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    let unknown = || "unknown".to_owned();
    let entries = [
        ("processor", first("/proc/cpuinfo", "model name").unwrap_or_else(unknown).into()),
        ("cores", Value::from(cores)),
        ("memory", memory.unwrap_or_else(unknown).into()),
        ("kernel", kernel.map_or_else(unknown, |text| text.trim().to_owned()).into()),
        ("client", rdkafka::util::get_rdkafka_version().1.into()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Also says what this process took of the cores for it.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let before = processor_time();
    let done = work.await;
    (done, processor_time() - before)
}

/// What this process has taken of the cores so far, all its threads together; none where that isn't
/// known. In ticks of 10 ms, as the kernel counts for everybody.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = |field| fields.split_whitespace().nth(field).and_then(|n| n.parse::<u64>().ok());
    let (user, system) = (ticks(11).unwrap_or(0), ticks(12).unwrap_or(0));
    Duration::from_millis(10 * (user + system))
}

/// The value of the first `name: value` line.
fn first(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
