//! What the layout promises, held against the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orderly_schemas::every_schema;
use orderly_tests::{root, topics};

#[test]
fn topics_and_schemas_name_the_same_events() {
    let said: Vec<_> = every_schema().iter().map(|schema| (schema.event, schema.topic)).collect();
    if let Err(problems) = topics().check(&said) {
        panic!("{problems}");
    }
}

#[test]
fn only_the_sdks_kafka_folder_names_the_client_library() {
    let kafka = root().join("sdk/src/kafka");
    // Tests look at what was written; the limits that the bench measures are bare loops around it.
    let others = [root().join("tests"), root().join("bench")];
    for file in rust_files(&root()) {
        if file.starts_with(&kafka) || others.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("rdkafka::"), "{} names rdkafka", file.display());
    }
}

#[test]
fn producers_and_consumers_never_import_each_other() {
    let services = [
        "order-api",
        "catalogue",
        "users",
        "outbox-relay",
        "importer",
        "history",
        "fulfilment",
        "notifications",
    ];
    for folder in ["producers", "consumers"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let manifest = entry.unwrap().path().join("Cargo.toml");
            let text = fs::read_to_string(&manifest).unwrap();
            let (_, needs) = text.split_once("[dependencies]").unwrap();
            for service in services {
                let imports = needs.lines().any(|line| line.starts_with(&format!("{service}.")));
                assert!(!imports, "{} imports {service}", manifest.display());
            }
        }
    }
}

#[test]
fn the_sdk_knows_no_order_and_stays_without_sql_and_web() {
    let text = fs::read_to_string(root().join("sdk/Cargo.toml")).unwrap();
    let (_, needs) = text.split_once("[dependencies]").unwrap();
    let (needs, _) = needs.split_once("[dev-dependencies]").unwrap();
    for foreign in ["orderly-schemas", "orderly-stores", "rusqlite", "axum", "clap"] {
        assert!(!needs.contains(foreign), "the SDK needs {foreign}");
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files
}
