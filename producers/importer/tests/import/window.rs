use crate::{all, invoice, numbers, retail, row, until_it_fails};
use importer::{ImportError, WINDOW};

/// `count` lines of other invoices, ten to each.
fn others(count: u64) -> String {
    (0..count).map(|index| row(&format!("other-{}", index / 10), "A", 1, "1")).collect()
}

#[test]
fn lines_of_two_invoices_may_be_interleaved() {
    let rows = [
        row("1", "A", 1, "1"),
        row("2", "B", 1, "1"),
        row("1", "C", 1, "1"),
        row("2", "D", 1, "1"),
        row("1", "E", 1, "1"),
    ];
    let (documents, _) = all(retail(rows.concat()));
    assert_eq!(numbers(&documents), ["2", "1"], "in the order of their last lines");
    assert_eq!(invoice(&documents[1]).lines.len(), 3);
}

#[test]
fn a_line_within_the_window_still_belongs_to_its_invoice() {
    let rows = row("1", "A", 1, "1") + &others(WINDOW - 1) + &row("1", "B", 1, "1");
    let (documents, _) = all(retail(rows));
    let first = documents.iter().map(invoice).find(|found| found.number == "1");
    assert_eq!(first.unwrap().lines.len(), 2);
}

#[test]
fn each_line_opens_the_window_anew() {
    let mut rows = String::new();
    for round in 0..4 {
        rows += &row("1", "A", 1, "1");
        rows += &others(WINDOW - 1).replace("other", &format!("round-{round}"));
    }
    let (documents, _) = all(retail(rows));
    let first = documents.iter().map(invoice).find(|found| found.number == "1");
    assert_eq!(first.unwrap().lines.len(), 4);
}

#[test]
fn a_late_line_fails_by_number_after_all_before_it_was_handed_out() {
    let rows = row("1", "A", 1, "1") + &others(WINDOW) + &row("1", "B", 1, "1");
    let (documents, error) = until_it_fails(retail(rows));
    assert_eq!(numbers(&documents), ["1"], "closed by the late line itself");
    assert!(matches!(
        error,
        ImportError::LateLine { line: 1_003, ref invoice, .. } if invoice == "1"
    ));
    assert_eq!(
        error.to_string(),
        "shop.csv, line 1003: belongs to invoice 1, which was closed after 1000 lines without it: \
         sort the file by invoice, then import it again"
    );
}

#[test]
fn a_line_of_a_skipped_invoice_can_be_late_too() {
    let rows = row("1", "A", -1, "0") + &others(WINDOW) + &row("1", "B", 1, "1");
    let (_, error) = until_it_fails(retail(rows));
    assert!(matches!(error, ImportError::LateLine { .. }), "{error}");
}

#[test]
fn a_malformed_line_is_never_late() {
    let rows = row("1", "A", 1, "1") + &others(WINDOW) + "1,too,short\n";
    let (_, tally) = all(retail(rows));
    assert_eq!(tally.malformed.lines, 1);
}
