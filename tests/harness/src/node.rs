//! What runs a part: a process of this machine or a container. Both are killed, paused and started
//! again in the same words.

use std::time::{Duration, Instant};

use crate::docker::{Container, Engine, Image, engine_with};
use crate::error::{Fault, NotRun};
use crate::process::Process;

/// Which way a part is found, where it isn't given by the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A container, from an image that the engine has or can pull.
    Docker,
    /// A process of this machine, from what Maven brings; Redis from the system's own.
    Process,
}

/// What was found to run a part with.
pub(crate) enum Found {
    Docker(&'static Engine),
    /// With the reason against Docker, if it was asked for.
    Process(Option<String>),
}

impl Found {
    /// By `way`, else by Docker where an engine has the image, else by a process.
    pub(crate) async fn look(part: &str, way: Option<Way>, image: &Image) -> Result<Self, NotRun> {
        if way == Some(Way::Process) {
            return Ok(Self::Process(None));
        }
        match (engine_with(image).await, way) {
            (Ok(engine), _) => Ok(Self::Docker(engine)),
            (Err(why), None) => Ok(Self::Process(Some(why))),
            (Err(why), Some(_)) => Err(NotRun::missing(part, format!("Docker: {why}")).by_name()),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Container(Container),
    Process(Process),
}

impl Node {
    pub(crate) async fn start(&self) -> Result<(), Fault> {
        match self {
            Self::Container(container) => container.start().await,
            Self::Process(process) => process.start(),
        }
    }

    pub(crate) async fn kill(&self) -> Result<(), Fault> {
        match self {
            Self::Container(container) => container.kill().await,
            Self::Process(process) => process.kill().await,
        }
    }

    pub(crate) async fn stop(&self) -> Result<(), Fault> {
        match self {
            Self::Container(container) => container.stop().await,
            Self::Process(process) => process.stop().await,
        }
    }

    pub(crate) async fn pause(&self) -> Result<(), Fault> {
        match self {
            Self::Container(container) => container.pause().await,
            Self::Process(process) => process.pause(),
        }
    }

    pub(crate) async fn resume(&self) -> Result<(), Fault> {
        match self {
            Self::Container(container) => container.resume().await,
            Self::Process(process) => process.resume(),
        }
    }

    pub(crate) async fn runs(&self) -> bool {
        match self {
            Self::Container(container) => container.runs().await,
            Self::Process(process) => process.runs(),
        }
    }

    pub(crate) fn pid(&self) -> Result<u32, Fault> {
        match self {
            Self::Container(_) => {
                Err(Fault::new("a container's process has another number out here"))
            }
            Self::Process(process) => process.pid(),
        }
    }

    /// The end of its log, for an error that says why it doesn't start.
    pub(crate) async fn tail(&self) -> String {
        match self {
            Self::Container(container) => container.tail().await,
            Self::Process(process) => process.tail(),
        }
    }

    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Container(_) => Way::Docker,
            Self::Process(_) => Way::Process,
        }
    }

    /// Waits until `answers`; gives up at once when the part has ended.
    pub(crate) async fn ready<F: Future<Output = bool>>(
        &self,
        name: &str,
        limit: Duration,
        answers: impl Fn() -> F,
    ) -> Result<(), Fault> {
        let end = Instant::now() + limit;
        loop {
            if answers().await {
                return Ok(());
            }
            let fault = match (self.runs().await, Instant::now() < end) {
                (true, true) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                (true, false) => format!("{name} isn't ready after {limit:?}"),
                (false, _) => format!("{name} ended"),
            };
            return Err(Fault::new(format!("{fault}:\n{}", self.tail().await)));
        }
    }
}
