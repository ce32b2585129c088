//! One plain consumer in a JVM, with its defaults, which reads what the groups read.

use orderly_harness::Program;

use crate::{Error, peers::Jvm};

pub(super) fn start(jvm: &Jvm, bootstrap: &str) -> Result<Program, Error> {
    let args = [bootstrap, "jvm-peer", "orders,order-status"];
    jvm.run("PlainConsumer", args.map(ToOwned::to_owned))
}
