//! The binary as it is called: exit codes, stdout, stderr.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::{Value, json};

fn orderly(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderly"));
    command.args(args).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for name in ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn last_line(output: &Output) -> Value {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn a_demo_ends_with_one_json_object_and_0() {
    let output = orderly(&["demo", "--orders", "40", "-o", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = last_line(&output);
    for (path, expected) in [
        ("/orders/submitted", 40),
        ("/orders/accepted", 40),
        ("/orders/rejected", 0),
        ("/orders/unknown", 0),
        ("/history/orders", 40),
        // Of 40 customers one has a card that is declined, one cancels, one gives something back.
        ("/history/returns", 1),
        ("/fulfilment/rejected", 1),
        ("/fulfilment/refunded", 1),
        ("/stock/known", 14),
        ("/stock/received", 140_000_000),
        ("/fulfilment/oversold", 0),
        ("/lost", 0),
        ("/duplicated", 0),
        ("/out_of_order", 0),
    ] {
        assert_eq!(report.pointer(path).and_then(Value::as_i64), Some(expected), "{path}");
    }
    let figure = |path: &str| report.pointer(path).and_then(Value::as_i64).unwrap();
    let ended = ["completed", "cancelled"].map(|end| figure(&format!("/fulfilment/{end}")));
    assert_eq!(ended.iter().sum::<i64>(), 39, "{report}");
    let money = |of: &str| -> f64 {
        report.pointer(&format!("/money/{of}")).unwrap().as_str().unwrap().parse().unwrap()
    };
    // Five cards were charged, and one of them got some of it back.
    assert!(money("captured") > money("refunded") && money("refunded") > 0.0, "{report}");
    for path in ["/accept_ms/p50", "/accept_ms/p99", "/placed_to_completed_ms/p99", "/seconds"] {
        assert!(report.pointer(path).and_then(Value::as_f64).unwrap() > 0.0, "{path}");
    }
    assert!(report.pointer("/resent").is_some() && report.pointer("/peak_rss_mib").is_some());
}

#[test]
fn each_fault_makes_the_demo_name_the_order_and_exit_1() {
    for (fault, figure) in
        [("lose-row", "lost"), ("double-status", "duplicated"), ("swap-statuses", "out_of_order")]
    {
        let output = orderly(&["demo", "--orders", "10", "--fault", fault, "-o", "json"]);
        assert_eq!(code(&output), 1, "{fault}: {}", stderr(&output));
        let report = last_line(&output);
        assert!(report[figure].as_i64().unwrap() >= 1, "{fault}: {report}");
        let named = report["findings"][0]["order_id"].as_str().unwrap();
        assert!(stderr(&output).contains(named), "{fault}: {}", stderr(&output));
    }
}

#[test]
fn a_run_too_large_is_refused_before_anything_starts() {
    let output = orderly(&["demo", "--orders", "10000000"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("orders fit"), "{}", stderr(&output));
}

#[test]
fn an_import_without_a_broker_is_refused_and_names_the_demo() {
    let output = orderly(&["import", "orders.csv", "--format", "online-retail"]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("orderly demo --from orders.csv --format online-retail"), "{said}");
}

#[test]
fn apply_without_a_cluster_is_a_usage_error_and_with_one_that_is_away_3() {
    let output = orderly(&["apply"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("--bootstrap"), "{}", stderr(&output));
    let nowhere = ["--bootstrap", "127.0.0.1:1", "--registry", "http://127.0.0.1:1"];
    let output = orderly(&[&["apply"], &nowhere[..]].concat());
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("127.0.0.1:1"), "{}", stderr(&output));
    assert_eq!(output.stdout, b"");
}

#[test]
fn usage_errors_are_2_and_name_what_was_meant() {
    for args in [
        &["demo", "--order", "5"][..],
        &["demo", "--orders", "0"],
        &["demo", "--orders", "x"],
        &["demo", "--members", "0"],
        &["demo", "--from", "x"],
        &["demo", "--stages", "prep"],
        &["demo", "--fault", "nonsense"],
        &["nonsense"],
        &[],
    ] {
        let output = orderly(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn validate_passes_what_is_here_and_names_what_is_wrong_by_line() {
    let fine = orderly(&["validate"]);
    assert_eq!(code(&fine), 0, "{}", stderr(&fine));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topics.yaml");
    let topics = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml"));
    let broken = topics.unwrap().replacen("retention:", "retentoin:", 1);
    let line = 1 + broken.lines().position(|line| line.contains("retentoin")).unwrap();
    std::fs::write(&file, broken).unwrap();
    let output = orderly(&["validate", "--topics", file.to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert!(said.contains(&format!("topics.yaml:{line}:")), "{said}");
    assert!(said.contains("`retention`"), "{said}");
}

#[test]
fn validate_names_a_schema_that_cannot_read_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, fields: &str| {
        let text = format!(
            r#"{{"type":"record","name":"OrderPlaced","namespace":"orderly","fields":[{fields}]}}"#
        );
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("order_placed.v1.avsc", r#"{"name":"order_id","type":"string"}"#);
    write(
        "order_placed.v2.avsc",
        r#"{"name":"order_id","type":"string"},{"name":"table","type":"int"}"#,
    );
    let output = orderly(&["validate", "--schemas", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("order_placed.v2.avsc") && said.contains("table"), "{said}");
}

#[test]
fn dlq_takes_its_cluster_before_and_behind_what_it_is_to_do() {
    let before = orderly(&["dlq", "--prefix", "not a prefix", "ls", "shop"]);
    let behind = orderly(&["dlq", "ls", "shop", "--prefix", "not a prefix"]);
    for refused in [before, behind] {
        assert_eq!(code(&refused), 2);
        let said = stderr(&refused);
        assert!(said.contains("not a prefix") && !said.contains("unexpected"), "{said}");
    }
}

#[test]
fn a_run_against_an_order_api_that_is_not_there_says_so_at_once() {
    let against = |api: &str| {
        let parts = ["--bootstrap", "127.0.0.1:1", "--registry", "http://127.0.0.1:1"];
        let run = ["demo", "--orders", "1", "--database", "sqlite::memory:", "--against", api];
        orderly(&[&run[..], &parts].concat())
    };
    let nobody = against("http://127.0.0.1:1");
    assert_eq!(code(&nobody), 3, "{}", stderr(&nobody));
    assert!(stderr(&nobody).contains("no order-api answers at http://127.0.0.1:1"));
    let no_scheme = against("127.0.0.1:1");
    assert_eq!(code(&no_scheme), 2, "{}", stderr(&no_scheme));
}

#[test]
fn order_api_lets_nobody_in_by_oversight() {
    let neither = orderly(&["run", "order-api"]);
    assert_eq!(code(&neither), 2);
    let said = stderr(&neither);
    assert!(said.contains("--api-keys") && said.contains("--anonymous"), "{said}");
    let both = orderly(&["run", "order-api", "--anonymous", "--api-keys", "callers.yaml"]);
    assert_eq!(code(&both), 2);
    assert!(stderr(&both).contains("callers.yaml"), "{}", stderr(&both));
}

#[test]
fn a_new_api_key_is_on_stdout_alone_and_its_entry_is_taken() {
    let made = orderly(&["api-key", "new", "--caller", "shop-1", "--role", "operator"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let key = String::from_utf8_lossy(&made.stdout).trim_end().to_owned();
    assert!(key.starts_with("ok_") && !key.contains('\n'), "one line, the key");
    let said = stderr(&made);
    assert!(!said.contains(&key[3..]), "the key is on stderr");
    let (_, entry) = said.split_once("\n\n").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), entry).unwrap();
    orderly_web::ApiKeys::load(file.path()).unwrap();

    for name in ["", "a b", "anonymous", "ä"] {
        let refused = orderly(&["api-key", "new", "--caller", name]);
        assert_eq!(code(&refused), 2, "{name}");
    }
}

#[tokio::test]
async fn stock_says_what_is_held_left_and_sold_and_names_what_was_never_counted() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("fulfilment.db").display());
    let stock = |arguments: &[&str]| {
        orderly(&[&["stock", "--database", &url, "-o", "json"], arguments].concat())
    };
    let nothing = stock(&[]);
    assert_eq!(code(&nothing), 1);
    assert!(stderr(&nothing).contains("Did fulfilment ever run on it?"), "{}", stderr(&nothing));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "a look makes no database");

    let database = orderly_stores::Database::open(&url).unwrap();
    fulfilment::Books::open(&database).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    let rows = "INSERT INTO fulfilment_stock (sku, on_hand, held, sold)
                VALUES ('bread', 10, 4, 7), ('cake', 2, 3, 0), ('tart', 1, 0, 0)";
    tx.execute(rows, &[]).await.unwrap();
    tx.commit().await.unwrap();

    let two = stock(&["--limit", "2"]);
    assert_eq!(code(&two), 0, "{}", stderr(&two));
    let bread = json!({ "sku": "bread", "on_hand": 10, "held": 4, "left": 6, "sold": 7 });
    let cake = json!({ "sku": "cake", "on_hand": 2, "held": 3, "left": 0, "sold": 0 });
    let page = json!({ "stock": [bread, cake], "never_counted": [], "next": "cake" });
    assert_eq!(last_line(&two), page);
    let rest = last_line(&stock(&["--limit", "2", "--after", "cake"]));
    assert_eq!((&rest["stock"][0]["sku"], &rest["next"]), (&json!("tart"), &Value::Null));

    let named = stock(&["bread", "pie"]);
    assert_eq!(code(&named), 1);
    let page = json!({ "stock": [bread], "never_counted": ["pie"], "next": null });
    assert_eq!(last_line(&named), page);
    assert_eq!(code(&orderly(&["stock", "--database", &url, "--limit", "0"])), 2);
}

#[test]
fn fulfilment_says_how_cards_are_charged_and_shows_no_password() {
    let parts = ["--bootstrap", "127.0.0.1:1", "--registry", "http://127.0.0.1:1"];
    let parts = [&parts[..], &["--database", "sqlite:/nowhere/at/all.db"]].concat();
    let run = |payments: &[&str]| orderly(&[&["run", "fulfilment"], payments, &parts].concat());
    for (payments, wanted) in [
        (&[][..], "--payments"),
        (&["--payments", "simluated"], "`simulated`"),
        (&["--payments", "https://shop:hunter2@pay.example/v1"], "PAYMENT_API_KEY"),
    ] {
        let refused = run(payments);
        let said = stderr(&refused);
        assert_eq!(code(&refused), 2, "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn up_lets_nobody_else_in_by_oversight() {
    let refused = orderly(&["up", "--listen", "0.0.0.0:0"]);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("--anonymous"), "{}", stderr(&refused));
}
