//! `orderly validate`: topics.yaml and the schemas, offline.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use orderly_schemas::every_schema;
use serde_json::json;

use super::{Refused, print};
use crate::args::{Output, ValidateArgs};

pub(super) fn run(
    args: &ValidateArgs,
    output: Output,
    topics: Option<&Path>,
) -> Result<ExitCode, Refused> {
    let topics = super::topics(topics).map_err(|e| Refused::violation(&e))?;
    let here = Path::new("schemas");
    let files = match args.schemas.as_deref() {
        Some(folder) => read_folder(folder).map_err(Refused::because)?,
        None if here.is_dir() => read_folder(here).map_err(Refused::because)?,
        None => built_in(),
    };
    let mut problems = Vec::new();
    let mut versions: BTreeMap<String, BTreeMap<u32, (String, apache_avro::Schema)>> =
        BTreeMap::new();
    for file in &files {
        match apache_avro::Schema::parse_str(&file.text) {
            Err(error) => problems.push(format!("{}: {error}", file.path)),
            Ok(schema) => match schema.name() {
                None => problems.push(format!("{}: not a record", file.path)),
                Some(name) => {
                    let known = versions.entry(name.fullname(None)).or_default();
                    if let Some((other, _)) = known.get(&file.version) {
                        problems.push(format!(
                            "{}: {name} version {} is {other} already",
                            file.path, file.version
                        ));
                    }
                    known.insert(file.version, (file.path.clone(), schema));
                }
            },
        }
    }
    for known in versions.values() {
        check_versions(known, &mut problems);
    }
    // Which topic an event goes to, the topics say and the Rust types say; the types only of the
    // events that are built in.
    let said: Vec<(String, String)> = versions
        .keys()
        .map(|event| {
            let built_in = every_schema().iter().find(|schema| schema.event == event);
            let named = topics.iter().find(|topic| topic.events.contains(event));
            let topic = built_in.map(|schema| schema.topic.to_owned());
            let topic = topic.or_else(|| named.map(|topic| topic.name.clone()));
            (event.clone(), topic.unwrap_or_default())
        })
        .collect();
    if let Err(error) = topics.check(&said) {
        problems.push(error.to_string());
    }
    let counts = (topics.iter().count(), files.len());
    match output {
        Output::Json => {
            let found = json!({ "topics": counts.0, "schemas": counts.1, "problems": problems });
            print::line(found);
        }
        Output::Table if problems.is_empty() => {
            print::line(format_args!("{} topics and {} schemas are fine", counts.0, counts.1));
        }
        Output::Table => problems.iter().for_each(print::line),
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Each version has to read the one before, whatever that wrote.
fn check_versions(
    known: &BTreeMap<u32, (String, apache_avro::Schema)>,
    problems: &mut Vec<String>,
) {
    let mut before: Option<(u32, &apache_avro::Schema)> = None;
    for (version, (path, schema)) in known {
        let expected = before.map_or(1, |(version, _)| version + 1);
        if *version != expected {
            problems.push(format!("{path}: version {version} where {expected} would be next"));
        }
        if let Some((older, writer)) = before {
            let why = match SchemaCompatibility::can_read(writer, schema) {
                Ok(Compatibility::Full) => None,
                Ok(_) => Some("only some of its values".to_owned()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                problems.push(format!("{path}: can't read what version {older} wrote: {why}"));
            }
        }
        before = Some((*version, schema));
    }
}

struct File {
    path: String,
    version: u32,
    text: String,
}

fn built_in() -> Vec<File> {
    let file = |schema: &orderly_schemas::SchemaFile| File {
        path: format!("(built-in) {}", schema.path),
        version: schema.version,
        text: schema.text.to_owned(),
    };
    every_schema().iter().map(file).collect()
}

/// Every `<name>.v<version>.avsc` in a folder and the folders in it.
fn read_folder(folder: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path: PathBuf = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "avsc") {
                files.push(read_file(&path)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    match files.is_empty() {
        true => Err(format!("{}: no .avsc file in it", folder.display())),
        false => Ok(files),
    }
}

fn read_file(path: &Path) -> Result<File, String> {
    let shown = path.display().to_string();
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let version = stem.rsplit_once(".v").and_then(|(_, version)| version.parse().ok());
    let version: u32 = version.ok_or_else(|| {
        format!("{shown}: name it <event>.v<version>.avsc, as order_placed.v1.avsc")
    })?;
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    Ok(File { path: shown, version, text })
}
