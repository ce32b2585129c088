//! Who takes the orders, each a process of its own.

use std::path::Path;

use orderly_harness::Program;
use orderly_schemas::OrderPlaced;
use orderly_sdk::Event as _;

use super::GO;
use crate::{
    Error,
    system::{self, Service},
};

pub(super) enum Server {
    Ours(Service),
    /// A program that does nothing else.
    Other(&'static str, Program),
}

impl Server {
    pub(super) fn ours(service: Service) -> Self {
        Self::Ours(service)
    }

    /// This program again, as the limit.
    pub(super) fn bare(bootstrap: &str) -> Result<Self, Error> {
        let this = std::env::current_exe().map_err(|e| format!("this program's path: {e}"))?;
        Self::other("bare", &this, |address| {
            vec!["bare-accept".into(), address, bootstrap.into(), OrderPlaced::TOPIC.into()]
        })
    }

    pub(super) fn go(program: &Path, bootstrap: &str, bytes: usize) -> Result<Self, Error> {
        Self::other(GO, program, |address| {
            vec![address, bootstrap.into(), OrderPlaced::TOPIC.into(), bytes.to_string()]
        })
    }

    fn other(
        name: &'static str,
        program: &Path,
        args: impl FnOnce(String) -> Vec<String>,
    ) -> Result<Self, Error> {
        let args = |at: &[String]| args(at[0].clone()).into_iter().map(Into::into).collect();
        let program = Program::run("accepting", program, 1, args, Vec::new());
        Ok(Self::Other(name, program.map_err(|why| format!("{name}: {why}"))?))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ours(_) => "ours",
            Self::Other(name, _) => name,
        }
    }

    pub(super) fn address(&self) -> String {
        match self {
            Self::Ours(service) => service.address(),
            Self::Other(_, program) => program.address(0),
        }
    }

    pub(super) fn pid(&self) -> Result<u32, Error> {
        match self {
            Self::Ours(service) => service.pid(),
            Self::Other(name, program) => {
                program.pid().map_err(|why| format!("{name}: {why}").into())
            }
        }
    }

    pub(super) async fn ready(&self) -> Result<(), Error> {
        match self {
            Self::Ours(service) => service.ready().await,
            Self::Other(name, program) => {
                let url = format!("http://{}/readyz", program.address(0));
                system::until_ready(name, program, &url, system::READY).await
            }
        }
    }
}
