//! Files as a whole: empty, hostile, unreadable.

use super::{each_is_refused, one_topic, parse, refused};
use crate::topics::Topics;

#[test]
fn a_file_that_defines_nothing_is_refused() {
    let empty = "topics.yaml: is empty: it should hold `topics:` and the topics by name";
    for text in ["", "\n\n", "# only a comment\n", "---\n", "~", "\u{feff}"] {
        let told = Topics::parse(text, "topics.yaml").unwrap_err().to_string();
        assert_eq!(told, empty, "{text:?}");
    }
    each_is_refused(&[
        ("topics:", "1:1: `topics` has no value"),
        ("topics: {}", "1:1: `topics` is empty: name at least one"),
        (
            "topics: []",
            "1:1: `topics` is empty: name at least one\n1:9: `topics` should be a map of topics by name, and not a list",
        ),
        (
            "- a\n",
            "1:1: the file should be a map with the keys `services`, `defaults`, `topics`, and not a list",
        ),
        (
            "hello",
            "1:1: the file should be a map with the keys `services`, `defaults`, `topics`, and not the text `hello`",
        ),
        ("services: [a]\n", " the file has no `topics`: the topics by name belong there"),
    ]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let text = one_topic(&["description: \"a\""]);
    let marked = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let (plain, windows) = (parse(&text), parse(&marked));
    assert!(plain.iter().eq(windows.iter()));
    let wrong = marked.replace("key:", "keey:");
    assert_eq!(refused(&wrong), "3:5: unknown key `keey`: did you mean `key`?");
    let first = format!("\u{feff}topcs: 1\r\n{text}");
    assert_eq!(refused(&first), "1:1: unknown key `topcs`: did you mean `topics`?");
}

#[test]
fn broken_yaml_is_refused_where_it_breaks() {
    each_is_refused(&[
        ("topics: [", "1:9: not valid YAML: unclosed bracket '['"),
        (
            "topics:\n\ta: b\n",
            "2:2: not valid YAML: tabs disallowed within this context (block indentation)",
        ),
        (
            "topics:\n  a:\n b: c\n",
            "3:2: not valid YAML: while parsing a block mapping, did not find expected key",
        ),
    ]);
    assert!(refused("topics:\0").starts_with("1:8: not valid YAML: "));
}

#[test]
fn a_second_document_is_refused() {
    let text = one_topic(&[]);
    let told = "9:1: a second document starts here: the file takes one, without further `---`";
    assert_eq!(refused(&format!("{text}---\n{text}")), told);
    parse(&format!("---\n{text}...\n"));
}

#[test]
fn anchors_aliases_and_tags_are_refused_so_that_nothing_expands() {
    each_is_refused(&[
        (
            &one_topic(&["key: &k order_id"]),
            "3:10: anchors (`&name`) are not taken here: write the value itself",
        ),
        (
            &one_topic(&["key: *k"]),
            "3:10: aliases (`*name`) are not taken here: write the value itself",
        ),
        (
            &one_topic(&["partitions: !!int '12'"]),
            "7:17: tags (`!name`) are not taken here: write the value itself\n7:23: `partitions` should be a number without quotes: did you mean `12`?",
        ),
    ]);
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for n in 1..60 {
        let before = format!("*a{},", n - 1).repeat(9);
        bomb += &format!("a{n}: &a{n} [{before}]\n");
    }
    let told = refused(&bomb);
    assert!(told.contains("1:5: anchors (`&name`) are not taken here"), "{told}");
    assert_eq!(told.matches("are not taken here").count(), 1, "{told}");
}

#[test]
fn what_goes_too_deep_is_refused() {
    let told = "not valid YAML: lists and maps go too deep here";
    for text in ["[".repeat(200_000), "- ".repeat(200_000), "{a: ".repeat(50_000)] {
        assert!(refused(&text).contains(told), "{}", refused(&text));
    }
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_refused() {
    let told = "is larger than 1 MiB: that is no file of topics";
    let text = one_topic(&[]);
    let fits = format!("{text}#{}", "x".repeat(1024 * 1024 - text.len() - 1));
    parse(&fits);
    assert_eq!(refused(&format!("{fits}x")).trim(), told);
    let path =
        std::env::temp_dir().join(format!("orderly-topics-large-{}.yaml", std::process::id()));
    std::fs::write(&path, format!("{fits}x")).unwrap();
    let error = Topics::load(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error, format!("{}: {told}", path.display()));
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_at_the_byte() {
    let path =
        std::env::temp_dir().join(format!("orderly-topics-latin-1-{}.yaml", std::process::id()));
    std::fs::write(&path, b"topics:\n  # \xc3\xbc, M\xfcller\n").unwrap();
    let error = Topics::load(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    let told = "2:9: byte 0xfc is not UTF-8: save the file as UTF-8";
    assert_eq!(error, format!("{}:{told}", path.display()));
}

#[test]
fn what_can_not_be_read_is_told_with_its_path() {
    let folder = std::env::temp_dir();
    let error = Topics::load(&folder).unwrap_err().to_string();
    let told = "is a directory: name the file in it, such as topics.yaml";
    assert_eq!(error, format!("{}: {told}", folder.display()));
    let missing = folder.join("no-such-folder").join("topics.yaml");
    let error = Topics::load(&missing).unwrap_err().to_string();
    assert_eq!(error, format!("{}: there is no such file", missing.display()));
    #[cfg(unix)]
    assert_eq!(
        Topics::load("/dev/zero").unwrap_err().to_string(),
        "/dev/zero: is not a regular file"
    );
}
