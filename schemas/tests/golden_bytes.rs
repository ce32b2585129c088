//! Bytes that were once written are written the same today, and stay readable.
//!
//! `golden/<Event>.v<version>.hex` holds the filled sample and the minimal one, a line each, as the
//! event's type wrote them when that version was its newest. `ORDERLY_BLESS=1` writes those of the
//! newest version anew; those of older versions can't be written again.

use std::{collections::BTreeSet, env, fmt::Debug, fs, path::PathBuf};

use orderly_schemas::{SchemaFile, every_schema};
use orderly_sdk::codec::Schema;

use crate::{avro::encode, samples::Samples, schema_list::versions_of};

#[test]
fn every_event_is_written_in_the_golden_bytes() {
    for_every_event!(written_in_the_golden_bytes);
}

fn written_in_the_golden_bytes<E: Samples>() {
    let newest = versions_of::<E>().last().unwrap();
    let written = E::both().map(|event| encode(&event));
    if env::var_os("ORDERLY_BLESS").is_some_and(|bless| bless == "1") {
        let lines = written.clone().map(|datum| hex::encode(datum) + "\n");
        fs::write(path(newest), lines.concat()).unwrap();
    }
    assert_eq!(
        written.map(hex::encode),
        golden(newest).map(hex::encode),
        "{} writes other bytes: every consumer must be able to read them; a new version has a \
         new schema file, and new golden bytes by ORDERLY_BLESS=1",
        E::TYPE
    );
}

#[test]
fn the_golden_bytes_of_every_version_are_read_by_todays_type() {
    for_every_event!(read_by_todays_type);
}

fn read_by_todays_type<E: Samples>() {
    for file in versions_of::<E>() {
        let schema = Schema::parse(file.text).unwrap();
        for datum in golden(file) {
            let read: Result<E, _> = schema.decode(&datum);
            assert!(read.is_ok(), "{}: {read:?}", file.path);
        }
    }
}

#[test]
fn the_newest_golden_bytes_are_the_samples() {
    for_every_event!(are_the_samples);
}

fn are_the_samples<E: Samples + Debug>() {
    let newest = versions_of::<E>().last().unwrap();
    let schema = Schema::parse(newest.text).unwrap();
    let read = golden(newest).map(|datum| schema.decode::<E>(&datum).unwrap());
    assert_eq!(read, E::both());
}

#[test]
fn every_version_has_golden_bytes_and_no_others_lie_about() {
    let expected: BTreeSet<PathBuf> = every_schema().iter().map(path).collect();
    let there: BTreeSet<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, expected);
}

fn golden(file: &SchemaFile) -> [Vec<u8>; 2] {
    let path = path(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let data: Vec<_> = text.lines().map(|line| hex::decode(line).unwrap()).collect();
    data.try_into().expect("two lines: the filled sample, the minimal one")
}

fn path(file: &SchemaFile) -> PathBuf {
    let event = file.event.strip_prefix("orderly.").unwrap();
    folder().join(format!("{event}.v{}.hex", file.version))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}
