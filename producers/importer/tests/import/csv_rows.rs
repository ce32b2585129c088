use crate::{HEADER, all, invoice, malformed, numbers, retail, retail_file, row};
use importer::{MAX_FIELD_BYTES, MAX_ROW_BYTES, OpenError, read_online_retail};
use std::io::Cursor;

#[test]
fn a_byte_order_mark_windows_line_ends_and_a_missing_last_line_end_are_read() {
    let text = format!("\u{feff}{HEADER}{}{}", row("1", "A", 1, "2.50"), row("2", "B", 1, "1"));
    let file = text.trim_end().replace('\n', "\r\n");
    let (documents, tally) = all(retail_file(file.into_bytes()));
    assert_eq!(numbers(&documents), ["1", "2"]);
    assert_eq!(tally.malformed.count(), 0);
}

#[test]
fn quoted_fields_hold_commas_quotes_and_line_ends() {
    let (documents, _) =
        all(retail("1,A,\"RED, \"\"BIG\"\"\nBOX\",2,2010-12-01T08:26:00,1.5,,\"Eire\"\n"));
    let line = &invoice(&documents[0]).lines[0];
    assert_eq!(line.name.as_deref(), Some("RED, \"BIG\"\nBOX"));
}

#[test]
fn a_quote_inside_an_unquoted_field_is_a_character() {
    let (documents, _) = all(retail("1,A,5\" PLATE,2,2010-12-01T08:26:00,1.5,,Eire\n"));
    let line = &invoice(&documents[0]).lines[0];
    assert_eq!(line.name.as_deref(), Some("5\" PLATE"));
}

#[test]
fn line_numbers_count_the_lines_inside_quotes_and_the_blank_ones() {
    let rows = format!(
        "1,A,\"TWO\nLINES\",2,2010-12-01T08:26:00,1.5,,Eire\n\n\r\n{}bad\n",
        row("1", "B", 1, "1")
    );
    let (_, tally) = all(retail(rows));
    assert_eq!(malformed(&tally), [(7, "8 columns expected, 1 found")]);
    assert_eq!(tally.lines, 3, "blank lines are no data");
}

#[test]
fn a_quote_that_is_never_closed_costs_its_own_line_only() {
    let mut rows = String::from("1,A,\"NEVER CLOSED,1,2010-12-01T08:26:00,1.5,,Eire\n");
    for number in 2..=400 {
        rows += &row(&number.to_string(), "A", 1, "1");
    }
    let (documents, tally) = all(retail(&rows));
    assert_eq!(documents.len(), 399);
    assert_eq!(
        malformed(&tally),
        [(2, "a quoted field isn't closed, or text follows its closing quote")]
    );
}

#[test]
fn a_stray_quote_before_another_quoted_field_costs_its_own_line_only() {
    let rows = format!(
        "1,A,\"STRAY,1,2010-12-01T08:26:00,1.5,,Eire\n{}3,A,\"FINE, HERE\",1,2010-12-01T08:26:00,1,,Eire\n",
        row("2", "A", 1, "1")
    );
    let (documents, tally) = all(retail(rows));
    assert_eq!(numbers(&documents), ["2", "3"]);
    assert_eq!((tally.lines, tally.malformed.lines), (3, 1));
    assert_eq!(tally.malformed.first[0].line, 2);
}

#[test]
fn a_quote_left_open_at_the_end_of_the_file_is_malformed() {
    let (documents, tally) = all(retail(format!("{}2,A,\"OPEN", row("1", "A", 1, "1"))));
    assert_eq!(numbers(&documents), ["1"]);
    assert_eq!(tally.malformed.first[0].line, 3);
}

#[test]
fn an_overlong_line_is_malformed_and_reading_goes_on() {
    for length in [MAX_ROW_BYTES, MAX_ROW_BYTES + 1, 10 * MAX_ROW_BYTES] {
        let rows = format!("{}\n{}", "x".repeat(length), row("1", "A", 1, "1"));
        let (documents, tally) = all(retail(rows));
        assert_eq!(numbers(&documents), ["1"]);
        assert_eq!(malformed(&tally), [(2, "the line is longer than 65536 bytes")]);
    }
}

#[test]
fn an_overlong_field_and_one_that_is_no_text_are_malformed() {
    let mut rows =
        format!("1,A,{},2,2010-12-01T08:26:00,1.5,,Eire\n", "x".repeat(MAX_FIELD_BYTES + 1))
            .into_bytes();
    rows.extend_from_slice(b"1,A,\xff\xfe,2,2010-12-01T08:26:00,1.5,,Eire\n");
    rows.extend_from_slice(b"1,A,x\0y,2,2010-12-01T08:26:00,1.5,,Eire\n");
    let (_, tally) = all(retail(rows));
    assert_eq!(
        malformed(&tally),
        [
            (2, "Description has 1025 bytes, more than 1024"),
            (3, "Description is not UTF-8"),
            (4, "Description holds a zero byte"),
        ]
    );
}

#[test]
fn a_wrong_header_says_what_was_expected_and_what_was_found() {
    for (file, found) in [
        ("order_id,date,time\n1,2,3\n", "found `order_id,date,time`"),
        ("", "found an empty file"),
        (&HEADER.replace("Country", "Land"), "CustomerID,Land`"),
    ] {
        let error = read_online_retail("shop.csv", Cursor::new(file.as_bytes().to_vec()))
            .expect_err("a wrong header");
        let text = error.to_string();
        assert!(matches!(error, OpenError::Header { .. }));
        assert!(text.starts_with("shop.csv: "), "{text}");
        assert!(text.contains(HEADER.trim_end()), "{text}");
        assert!(text.contains(found), "{text}");
    }
}
