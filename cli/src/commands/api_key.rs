//! `orderly api-key`: a key that only its owner will know.

use std::process::ExitCode;

use orderly_web::NewKey;
use serde_json::json;

use super::{Refused, print};
use crate::args::{ApiKeyCommand, Output, Role};

pub(super) fn run(command: &ApiKeyCommand, output: Output) -> Result<ExitCode, Refused> {
    let ApiKeyCommand::New { caller, role } = command;
    let role = match role {
        Role::Caller => "caller",
        Role::Operator => "operator",
    };
    let key = NewKey::random()
        .map_err(|error| Refused::because(format!("the system gives no randomness: {error}")))?;
    let sha256 = key.sha256();
    match output {
        Output::Table => {
            print::line(key.reveal());
            eprintln!(
                "This key is shown this once. For the file of --api-keys (if {caller} stands there \
                 already, add only the hash to key_sha256):\n\n\
                 - caller: {caller}\n  role: {role}\n  key_sha256: [{sha256}]"
            );
        }
        Output::Json => print::line(json!({
            "key": key.reveal(),
            "entry": { "caller": caller, "role": role, "key_sha256": [sha256] },
        })),
    }
    Ok(ExitCode::SUCCESS)
}
