//! A client that has forgotten every broker and asks nobody any more: so librdkafka is once metadata
//! named topics and no brokers, as they do while a cluster's only broker, just back, isn't let in yet.
//! Its own way to begin anew is called off by the same answer (its issue 5301), and in a build by cmake
//! it never starts.

use std::{
    ffi::CString,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{ClientConfig, ClientContext, client::Client};

use super::ffi;

/// Between two looks; where the brokers were named in vain, longer each time.
pub(super) const LOOK: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Names the brokers that a client began with to one that knows no others. Where it hasn't forgotten
/// them, that does nothing.
pub(super) struct Bootstrap {
    servers: CString,
    memory: Mutex<Memory>,
}

struct Memory {
    next_look: Instant,
    pause: Duration,
}

impl Bootstrap {
    pub(super) fn of(client: &ClientConfig) -> Self {
        let servers = client.get("bootstrap.servers").unwrap_or_default();
        let memory = Memory { next_look: Instant::now() + LOOK, pause: LOOK };
        // One with a zero byte was refused before.
        Self { servers: CString::new(servers).unwrap_or_default(), memory: memory.into() }
    }

    /// To be called again and again, as often as is convenient.
    pub(super) fn look<C: ClientContext>(&self, client: &Client<C>) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now < memory.next_look {
            return;
        }
        if ffi::knows_brokers(client) {
            *memory = Memory { next_look: now + LOOK, pause: LOOK };
        } else {
            tracing::debug!(bootstrap = ?self.servers, "knows no broker: asks there again");
            ffi::add_brokers(client, &self.servers);
            memory.next_look = now + memory.pause;
            memory.pause = (memory.pause * 2).min(LONGEST);
        }
    }
}
