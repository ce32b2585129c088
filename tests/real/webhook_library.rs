//! The signatures, held against the Standard Webhooks library itself, as it is published for Python.

use std::{path::Path, process::Command, time::Duration};

use notifications::{Secrets, Trust, Webhooks};
use orderly::platform::{Platform, Ways};
use orderly_harness::{NotRun, Program, need};
use orderly_tests::{root, settings};
use serde_json::{Value, json};

const OURS: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const LIBRARY: &str = "standardwebhooks==1.1.0";

/// A Python that has the library, in `dir`.
fn python(dir: &Path) -> Result<std::path::PathBuf, NotRun> {
    let run = |program: &Path, args: &[&str]| {
        let what = || format!("{} {}", program.display(), args.join(" "));
        let ran = Command::new(program).args(args).output();
        let ran = ran.map_err(|e| NotRun::missing("python", format!("{}: {e}", what())))?;
        if ran.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        let why = said.lines().last().unwrap_or_default().to_owned();
        Err(NotRun::missing("python", format!("{}: {} {why}", what(), ran.status)))
    };
    let venv = dir.join("venv");
    run(Path::new("python3"), &["-m", "venv", &venv.to_string_lossy()])?;
    let python = venv.join("bin/python");
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", LIBRARY];
    run(&python, &quiet)?;
    Ok(python)
}

/// A receiver that believes that secret, and where it is.
fn receiver(python: &Path, secret: &str) -> Result<Program, NotRun> {
    let script = root().join("tests/real/webhook_library/receiver.py");
    let args = |at: &[String]| vec![script.into(), at[0].clone().into(), secret.to_owned().into()];
    Program::run("webhook-receiver", python, 1, args, Vec::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_specifications_own_library_believes_what_we_sign_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let python = need!(python(dir.path()));
    // While a secret is changed, both who knows the new one and who knows the old one believes.
    let (new, old) = (need!(receiver(&python, OURS)), need!(receiver(&python, OLD)));
    let stranger = need!(receiver(&python, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));

    let secrets = Secrets::of(&format!("anonymous {OURS} {OLD}\n")).unwrap();
    let mut webhooks = Webhooks::new(secrets, Trust::with(None).unwrap());
    webhooks.allowed = vec!["127.0.0.1".parse().unwrap()];
    webhooks.retries = "0s,1s,1s,2s,2s".parse().unwrap();
    let ways = Ways { webhooks: Some(webhooks), ..Ways::default() };
    let mut with = settings();
    with.rules.stock = fulfilment::StockRule::Unlimited;
    let platform = Platform::start_telling(with, ways).await.unwrap();
    let api = format!("http://{}", platform.api);
    for (receiver, state) in [(&new, "sent"), (&old, "sent"), (&stranger, "failed")] {
        let hook = format!("http://{}/hooks", receiver.address(0));
        let deliveries = told(&api, &hook, state).await;
        if state == "failed" {
            assert!(deliveries.iter().all(|one| one["attempts"] == 5), "{deliveries:?}");
            assert!(receiver.printed().contains("refused"), "{}", receiver.printed());
        } else {
            assert!(!receiver.printed().contains("refused"), "{}", receiver.printed());
        }
    }
    platform.stop().await.unwrap();
}

/// Places an order with that callback address; gives what became of its webhooks once two of them,
/// confirmed and ready, came to that end.
async fn told(api: &str, hook: &str, state: &str) -> Vec<Value> {
    let http = reqwest::Client::new();
    let order = json!({
        "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
        "contact": { "callback_url": hook },
    });
    let placed = http.post(format!("{api}/orders")).json(&order).send().await.unwrap();
    assert_eq!(placed.status(), 202);
    let placed: Value = placed.json().await.unwrap();
    let id = placed["order_id"].as_str().unwrap();
    let url = format!("{api}/orders/{id}/notifications");
    let asking = async {
        loop {
            let answer = http.get(&url).send().await.unwrap();
            if answer.status() == 200 {
                let listed: Value = answer.json().await.unwrap();
                let all = listed["notifications"].as_array().unwrap().clone();
                if all.iter().filter(|one| one["state"] == state).count() == 2 {
                    return all;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(120), asking).await;
    asked.unwrap_or_else(|_| panic!("{hook}: never {state}"))
}
