use crate::{HEADER, all, numbers, retail_file, row, until_it_fails};
use flate2::{Compression, write::GzEncoder};
use importer::{Format, ImportError, OpenError, open, read_online_retail};
use std::{
    fs,
    io::{Cursor, Write},
};

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn shop() -> String {
    format!("{HEADER}{}{}", row("1", "A", 1, "1"), row("2", "B", 1, "1"))
}

#[test]
fn gzip_is_told_by_its_content_and_not_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [("packed.csv", gzip(&shop())), ("plain.csv.gz", shop().into_bytes())] {
        let path = directory.path().join(name);
        fs::write(&path, &content).unwrap();
        let mut import = open(&path, Format::OnlineRetail).unwrap();
        assert_eq!(import.total_bytes(), Some(content.len() as u64));
        assert_eq!(import.by_ref().count(), 2);
        assert_eq!(import.bytes_read(), content.len() as u64, "all was read");
    }
}

#[test]
fn a_gzip_file_of_several_members_is_read_to_its_end() {
    let mut file = gzip(&format!("{HEADER}{}", row("1", "A", 1, "1")));
    file.extend(gzip(&row("2", "B", 1, "1")));
    let (documents, _) = all(retail_file(file));
    assert_eq!(numbers(&documents), ["1", "2"]);
}

#[test]
fn a_gzip_file_cut_off_anywhere_fails_and_names_the_file() {
    let whole = gzip(&shop());
    for end in 2..whole.len() {
        let cut = Cursor::new(whole[..end].to_vec());
        let error = match read_online_retail("shop.csv.gz", cut) {
            Ok(import) => until_it_fails(import).1,
            Err(OpenError::Read(error)) => error,
            Err(error) => panic!("cut at {end}: {error}"),
        };
        assert!(matches!(error, ImportError::Unreadable { .. }), "{error}");
        assert!(error.to_string().starts_with("shop.csv.gz: "), "{error}");
    }
}

#[test]
fn a_damaged_gzip_file_fails_without_a_panic() {
    let whole = gzip(&shop());
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0xff;
        if let Ok(import) = read_online_retail("shop.csv.gz", Cursor::new(damaged)) {
            // A few bytes of a gzip header, as its time, may be anything.
            let failed = import.into_iter().any(|document| document.is_err());
            assert!(failed || (3..10).contains(&byte), "byte {byte}");
        }
    }
}

#[test]
fn what_is_not_there_or_of_the_wrong_kind_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.csv");
    for format in Format::ALL {
        let error = open(&missing, format).expect_err("it is missing");
        assert!(error.to_string().contains("missing.csv"), "{error}");
    }
    let error = open(directory.path(), Format::OnlineRetail).expect_err("a directory");
    assert!(matches!(error, OpenError::NotAFile { .. }));
    fs::write(&missing, "").unwrap();
    let error = open(&missing, Format::Pizzaplace).expect_err("a file");
    assert!(matches!(error, OpenError::NotADirectory { .. }));
    let error = open(directory.path(), Format::Pizzaplace).expect_err("an empty directory");
    assert!(error.to_string().contains("pizza_types.csv is missing"), "{error}");
}

#[test]
fn formats_go_by_their_names() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "pizza".parse::<Format>().expect_err("no such format");
    assert_eq!(
        error.to_string(),
        "there is no format `pizza`: the formats are online-retail and pizzaplace"
    );
}
