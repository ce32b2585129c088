//! Free ports that stay ours while a part is down.
//!
//! They lie below the range that outgoing connections take: a client that tries again and again to
//! reach a dead broker would otherwise be given the broker's own port one day, and connect to itself.
//! Two test processes at once are kept apart by a lock file for each port, which ends with its holder.

use std::fs::File;
use std::net::TcpListener;

use crate::cache;
use crate::error::NotRun;

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _held: File,
}

impl Port {
    pub(crate) fn free(part: &str) -> Result<Self, NotRun> {
        let held = cache::dir().join("ports");
        let denied =
            |e| NotRun::broken(part, format!("lock files of ports in {}: {e}", held.display()));
        std::fs::create_dir_all(&held).map_err(denied)?;
        let start = u16::try_from(std::process::id() * 61 % u32::from(COUNT)).unwrap_or_default();
        for step in 0..COUNT {
            let number = FIRST + (start + step) % COUNT;
            let file = File::create(held.join(number.to_string())).map_err(denied)?;
            if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self { number, _held: file });
            }
        }
        Err(NotRun::broken(part, format!("no free port from {FIRST} on; end what holds them")))
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
