//! The `orderly` command: every service and every tool is a command of it.
//!
//! - [`args`]: what can be asked for.
//! - [`apply`]: topics and schemas that a cluster and its registry lack.
//! - [`check_retention`]: whether topics keep what an import writes.
//! - [`commands`]: one file each.
//! - [`parts`]: where the real parts are.
//! - [`platform`]: every service in one process, on embedded or real parts.
//! - [`run`]: one service in a process of its own.
//! - [`demo`]: orders through all of it, and the proof that none was lost, doubled or reordered.

pub mod apply;
pub mod args;
pub mod check_retention;
pub mod commands;
pub mod demo;
pub mod parts;
pub mod platform;
pub mod run;
pub mod telemetry;
