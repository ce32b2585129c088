//! What to run in a container: an image and its settings. Whether the part is ready is asked through
//! the published port, as for a process, so there are no conditions here.

use std::borrow::Cow;

use testcontainers::core::{CopyToContainer, WaitFor};

/// An image, what it is told, and the port that is published.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) port: u16,
    pub(crate) envs: Vec<(String, String)>,
    pub(crate) cmd: Vec<String>,
    pub(crate) files: Vec<CopyToContainer>,
}

impl Image {
    pub(crate) fn new(name: &'static str, tag: &'static str, port: u16) -> Self {
        Self { name, tag, port, envs: Vec::new(), cmd: Vec::new(), files: Vec::new() }
    }

    pub(crate) fn descriptor(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

impl testcontainers::Image for Image {
    fn name(&self) -> &str {
        self.name
    }

    fn tag(&self) -> &str {
        self.tag
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        Vec::new()
    }

    fn env_vars(
        &self,
    ) -> impl IntoIterator<Item = (impl Into<Cow<'_, str>>, impl Into<Cow<'_, str>>)> {
        self.envs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        self.cmd.iter().map(String::as_str)
    }
}
