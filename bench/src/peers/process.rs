//! A program run to its end, bounded.

use std::{
    io::Read as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::Error;

/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What it printed. An error where it fails, or takes longer than `patience`; it is killed then.
pub(crate) async fn output(mut command: Command, patience: Duration) -> Result<String, Error> {
    tokio::task::spawn_blocking(move || {
        let name = PathBuf::from(command.get_program()).display().to_string();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| format!("{name}: {why}"))?;
        // Read beside, so that a full pipe doesn't hold it up.
        let reader = |pipe: Option<Box<dyn std::io::Read + Send>>| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                if let Some(mut pipe) = pipe {
                    // What can't be read isn't told.
                    let _ = pipe.read_to_end(&mut text);
                }
                String::from_utf8_lossy(&text).into_owned()
            })
        };
        let out = reader(child.stdout.take().map(|pipe| Box::new(pipe) as _));
        let err = reader(child.stderr.take().map(|pipe| Box::new(pipe) as _));
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                break None;
            }
            std::thread::sleep(LOOK);
        };
        let printed = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
        let (out, err) = (printed(out), printed(err));
        match status {
            Some(status) if status.success() => Ok(out),
            Some(status) => Err(format!("{name}: {status}: {}", last_lines(&err)).into()),
            None => {
                Err(format!("{name}: took longer than {patience:?}: {}", last_lines(&err)).into())
            }
        }
    })
    .await?
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
