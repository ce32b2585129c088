//! The Docker way. All that talks to the engine runs on one runtime that lasts as long as the process:
//! parts are shared between tests, each of which has a runtime of its own.

mod container;
mod image;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

pub(crate) use container::Container;
pub(crate) use image::Image;

/// Where no engine answers, nothing waits for it.
const PING: Duration = Duration::from_secs(3);
/// With the ping and the look for the image, less than 30 s.
const PULL: Duration = Duration::from_secs(24);
const CALL: Duration = Duration::from_secs(60);

pub(crate) struct Engine {
    docker: Docker,
    /// Where published ports are.
    pub(crate) host: String,
}

/// The engine, if one answers and has the image, pulled now if need be; else why not.
pub(crate) async fn engine_with(image: &Image) -> Result<&'static Engine, String> {
    static ENGINE: OnceCell<Result<Engine, String>> = OnceCell::const_new();
    static PULLS: AtomicBool = AtomicBool::new(true);
    let engine =
        ENGINE.get_or_init(|| on_engine(connect())).await.as_ref().map_err(Clone::clone)?;
    let name = image.descriptor();
    let look = {
        let name = name.clone();
        async move { engine.docker.inspect_image(&name).await.is_ok() }
    };
    let looked =
        on_engine(async { tokio::time::timeout(PING, look).await.map_err(|e| e.to_string()) })
            .await;
    if looked.is_ok_and(|found| found) {
        return Ok(engine);
    }
    if !PULLS.load(Ordering::Relaxed) {
        return Err(format!("the engine has no image {name}, and couldn't pull another"));
    }
    let pull = image.clone();
    let pulled = on_engine(async {
        match tokio::time::timeout(PULL, pull.pull_image()).await {
            Ok(pulled) => pulled.map(drop).map_err(|e| e.to_string()),
            Err(_) => Err(format!("not within {PULL:?}")),
        }
    });
    pulled.await.map(|()| engine).map_err(|e| {
        PULLS.store(false, Ordering::Relaxed);
        format!("the engine has no image {name} and can't pull it: {e}")
    })
}

async fn connect() -> Result<Engine, String> {
    let docker = docker_client_instance().await.map_err(|e| format!("no engine: {e}"))?;
    let ping = tokio::time::timeout(PING, docker.ping()).await;
    ping.map_err(|_| format!("no engine answers within {PING:?}"))?
        .map_err(|e| format!("no engine answers: {e}"))?;
    let remote = std::env::var("DOCKER_HOST").ok().and_then(|at| host(&at));
    Ok(Engine { docker, host: remote.unwrap_or_else(|| "127.0.0.1".to_owned()) })
}

/// The host of `tcp://host:port`; none for a socket of this machine.
fn host(docker_host: &str) -> Option<String> {
    let (scheme, rest) = docker_host.split_once("://")?;
    let host = rest.split('/').next()?.rsplit_once(':').map_or(rest, |(host, _)| host);
    let local = scheme == "unix" || ["localhost", "127.0.0.1", ""].contains(&host);
    (!local).then(|| host.to_owned())
}

/// Runs on the engine's runtime, and waits for it from any other.
pub(crate) async fn on_engine<T: Send + 'static>(
    work: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    runtime()?.spawn(work).await.map_err(|e| e.to_string())?
}

fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|e| format!("a runtime: {e}"))
    });
    made.as_ref().map_err(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn published_ports_are_at_the_host_of_the_engine() {
        assert_eq!(host("unix:///var/run/docker.sock"), None);
        assert_eq!(host("tcp://127.0.0.1:2375"), None);
        assert_eq!(host("tcp://builder.example:2376/"), Some("builder.example".to_owned()));
    }
}
