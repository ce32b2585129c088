//! The list of schemas is what lies on disk, and what the types are written with.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use orderly_schemas::{SchemaFile, every_schema};

use crate::samples::Samples;

#[test]
fn the_list_has_every_schema_on_disk_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let on_disk: BTreeSet<PathBuf> = schemas_below(root)
        .into_iter()
        .map(|path| path.strip_prefix(root).unwrap().to_path_buf())
        .collect();
    let listed: BTreeSet<PathBuf> = every_schema().iter().map(|file| file.path.into()).collect();

    let unlisted: Vec<_> = on_disk.difference(&listed).collect();
    assert!(unlisted.is_empty(), "add to every_schema.rs: {unlisted:?}");
    let gone: Vec<_> = listed.difference(&on_disk).collect();
    assert!(gone.is_empty(), "listed in every_schema.rs but not there: {gone:?}");
    assert_eq!(listed.len(), every_schema().len(), "a file is listed twice");
    for file in every_schema() {
        assert_eq!(fs::read_to_string(root.join(file.path)).unwrap(), file.text);
    }
}

fn schemas_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(schemas_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "avsc") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_list_is_ordered_by_event_then_version_counted_from_1_without_a_gap() {
    for files in every_schema().windows(2) {
        let [before, file] = files else { unreachable!() };
        let expected = if before.event == file.event { before.version + 1 } else { 1 };
        assert_eq!(file.version, expected, "{}", file.path);
        assert!(before.event <= file.event, "{} comes too late", file.path);
    }
    assert_eq!(every_schema()[0].version, 1);
}

#[test]
fn every_file_is_named_by_its_topic_event_and_version() {
    for file in every_schema() {
        let event = file.event.strip_prefix("orderly.").unwrap();
        let expected = format!(
            "{}/{}.v{}.avsc",
            file.topic.replace('-', "_"),
            snake_case(event),
            file.version
        );
        assert_eq!(file.path, expected);
        let schema = apache_avro::Schema::parse_str(file.text).unwrap();
        assert_eq!(schema.name().unwrap().fullname(None), file.event, "{}", file.path);
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[test]
fn every_type_is_written_with_its_newest_schema() {
    for_every_event!(written_with_the_newest);
}

fn written_with_the_newest<E: Samples>() {
    let newest = versions_of::<E>().last().unwrap();
    assert_eq!(E::SCHEMA, newest.text, "{} is not written with {}", E::TYPE, newest.path);
    assert_eq!(E::TOPIC, newest.topic);
}

#[test]
fn every_listed_event_has_a_type_and_samples() {
    let listed: BTreeSet<&str> = every_schema().iter().map(|file| file.event).collect();
    let with_samples: BTreeSet<&str> = for_every_event!(name).into_iter().collect();
    assert_eq!(with_samples, listed);
}

fn name<E: Samples>() -> &'static str {
    E::TYPE
}

pub(crate) fn versions_of<E: Samples>() -> impl Iterator<Item = &'static SchemaFile> {
    every_schema().iter().filter(|file| file.event == E::TYPE)
}
