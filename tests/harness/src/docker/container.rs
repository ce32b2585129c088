//! One container, its name known to the watchdog before it is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};
use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ImageExt as _};

use super::{CALL, Engine, Image, on_engine, runtime};
use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::ports::Port;
use crate::process::last_lines;

pub(crate) struct Container {
    name: String,
    docker: Docker,
    held: Option<Arc<ContainerAsync<Image>>>,
}

impl Container {
    /// Publishes the image's port at `port` of the engine's host, on loopback where that is here.
    pub(crate) async fn run(
        part: &str,
        engine: &Engine,
        name: &str,
        image: Image,
        port: &Port,
        network: Option<&str>,
    ) -> Result<Self, NotRun> {
        let broken = |e: String| NotRun::broken(part, format!("container {name}: {e}"));
        let home = home()?;
        home.tell("container", name).map_err(|e| broken(e.to_string()))?;
        let published = image.port.tcp();
        let mut request = image.with_container_name(name).with_mapped_port(port.number, published);
        if engine.host == "127.0.0.1" {
            request = request.with_host_config_modifier(|config| {
                let bindings = config.port_bindings.iter_mut().flat_map(|ports| ports.values_mut());
                for binding in bindings.flatten().flatten() {
                    binding.host_ip = Some("127.0.0.1".to_owned());
                }
            });
        }
        if let Some(network) = network {
            home.tell("network", network).map_err(|e| broken(e.to_string()))?;
            request = request.with_network(network);
        }
        let started = on_engine(async { request.start().await.map_err(|e| e.to_string()) });
        let held = started.await.map_err(broken)?;
        Ok(Self {
            name: name.to_owned(),
            docker: engine.docker.clone(),
            held: Some(Arc::new(held)),
        })
    }

    pub(crate) async fn start(&self) -> Result<(), Fault> {
        let call = |docker: Docker, name: String| async move {
            docker.start_container(&name, None::<StartContainerOptions>).await
        };
        self.call("start", call).await
    }

    pub(crate) async fn kill(&self) -> Result<(), Fault> {
        let call = |docker: Docker, name: String| async move {
            let kill = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
            docker.kill_container(&name, Some(kill)).await
        };
        self.call("kill", call).await?;
        let late = || Fault::new(format!("container {} outlives kill -9", self.name));
        crate::wait::until(
            Duration::from_secs(10),
            || async { Ok((!self.runs().await).then_some(())) },
            late,
        )
        .await
    }

    /// The image says which signal asks the part to end.
    pub(crate) async fn stop(&self) -> Result<(), Fault> {
        let call = |docker: Docker, name: String| async move {
            docker
                .stop_container(&name, Some(StopContainerOptionsBuilder::new().t(50).build()))
                .await
        };
        self.call("stop", call).await
    }

    pub(crate) async fn pause(&self) -> Result<(), Fault> {
        self.call("pause", |docker, name| async move { docker.pause_container(&name).await }).await
    }

    pub(crate) async fn resume(&self) -> Result<(), Fault> {
        self.call("unpause", |docker, name| async move { docker.unpause_container(&name).await })
            .await
    }

    pub(crate) async fn runs(&self) -> bool {
        let (docker, name) = (self.docker.clone(), self.name.clone());
        let state = on_engine(async move {
            let seen = docker.inspect_container(&name, None::<InspectContainerOptions>).await;
            seen.map(|seen| seen.state.and_then(|state| state.running)).map_err(|e| e.to_string())
        });
        state.await.ok().flatten().unwrap_or(false)
    }

    pub(crate) async fn tail(&self) -> String {
        let Some(held) = self.held.clone() else { return String::new() };
        let said = on_engine(async move {
            let mut said = held.stdout_to_vec().await.map_err(|e| e.to_string())?;
            said.extend(held.stderr_to_vec().await.map_err(|e| e.to_string())?);
            Ok(said)
        });
        last_lines(&said.await.unwrap_or_else(String::into_bytes))
            .unwrap_or_else(|| "(it said nothing)".to_owned())
    }

    async fn call<F>(
        &self,
        what: &'static str,
        call: impl FnOnce(Docker, String) -> F,
    ) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let call = call(self.docker.clone(), self.name.clone());
        let called = on_engine(async move {
            let called = tokio::time::timeout(CALL, call).await;
            called.map_err(|_| format!("no answer within {CALL:?}"))?.map_err(|e| e.to_string())
        });
        called.await.map_err(|e| Fault::new(format!("{what} container {}: {e}", self.name)))
    }
}

impl fmt::Debug for Container {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Container {
    /// On the engine's runtime, which its removal needs; a shorter wait than the watchdog's patience.
    fn drop(&mut self) {
        let (done, gone) = std::sync::mpsc::channel();
        if let (Some(held), Ok(runtime)) = (self.held.take(), runtime()) {
            runtime.spawn(async move {
                drop(held);
                done.send(())
            });
            let _ = gone.recv_timeout(Duration::from_secs(20));
        }
    }
}
