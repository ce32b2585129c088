//! One plain consumer in a JVM, with its defaults, which reads what the groups read.

use orderly_harness::Program;

use crate::{Error, peers::Jvm};

pub(super) fn start(jvm: &Jvm, bootstrap: &str) -> Result<Program, Error> {
    let args = |_: &[String]| {
        let options = jvm.options().into_iter();
        let rest = ["PlainConsumer", bootstrap, "jvm-peer", "orders,order-status"];
        options.chain(rest.map(ToOwned::to_owned)).map(Into::into).collect()
    };
    let program = Program::run("jvm-peer", jvm.program(), 0, args, Vec::new());
    program.map_err(|why| why.to_string().into())
}
