use crate::{all, invoice, malformed, numbers, retail, row, until_it_fails};
use importer::{Document, ImportError, MALFORMED_SHOWN, MAX_LINES_PER_INVOICE, SkipReason};

fn with(column: usize, value: &str) -> String {
    let good = row("9", "A", 1, "1");
    let mut fields: Vec<&str> = good.trim_end().split(',').collect();
    fields[column] = value;
    fields.join(",") + "\n"
}

#[test]
fn an_invoice_is_a_sale_with_its_lines_in_order() {
    let (documents, tally) = all(retail(
        "536365,85123A,WHITE HOLDER,6,2010-12-01T08:26:00,2.55,17850,United Kingdom\n\
         536365,BANK CHARGES,,1,2010-12-01T08:25:00,0,17850,United Kingdom\n\
         536365,85123A,WHITE HOLDER,2,2010-12-01T08:26:00,2.55,17850,United Kingdom\n",
    ));
    let [Document::Sale(sale)] = &documents[..] else {
        panic!("{documents:?}");
    };
    assert_eq!(sale.number, "536365");
    assert_eq!(sale.user_id.as_deref(), Some("17850"));
    assert_eq!(sale.currency, "GBP");
    assert_eq!(sale.happened_at.to_rfc3339(), "2010-12-01T08:25:00+00:00");
    assert_eq!(sale.total.to_string(), "20.40");
    let lines: Vec<_> = sale
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.name.as_deref(), line.quantity))
        .collect();
    assert_eq!(
        lines,
        [
            ("85123A", Some("WHITE HOLDER"), 6),
            ("BANK CHARGES", None, 1),
            ("85123A", Some("WHITE HOLDER"), 2),
        ]
    );
    assert_eq!((tally.orders, tally.sales_lines), (1, 3));
}

#[test]
fn a_c_invoice_is_a_return_under_its_own_number_and_positive() {
    let (documents, tally) = all(retail(row("C536379", "D", -2, "27.50")));
    let [Document::Return(goods)] = &documents[..] else {
        panic!("{documents:?}");
    };
    assert_eq!(goods.number, "C536379");
    assert_eq!(goods.lines[0].quantity, 2);
    assert_eq!(goods.total.to_string(), "55.00");
    assert_eq!((tally.returns, tally.return_lines), (1, 1));
    assert_eq!(tally.returns_total.to_string(), "55.0");
}

#[test]
fn a_guest_has_no_user_and_a_late_named_customer_is_the_invoice_s() {
    let guest = row("1", "A", 1, "1").replace("17850", "");
    let (documents, _) = all(retail(format!(
        "{guest}{}{}",
        row("2", "A", 1, "1").replace("17850", ""),
        row("2", "B", 1, "1")
    )));
    assert_eq!(invoice(&documents[0]).user_id, None);
    assert_eq!(invoice(&documents[1]).user_id.as_deref(), Some("17850"));
}

#[test]
fn stock_adjustments_and_bad_debts_are_skipped_and_counted_by_reason() {
    let rows = [
        row("1", "A", -5, "0"),
        row("1", "B", 0, "0.00"),
        row("A563185", "B", 1, "11062.06"),
        row("A563186", "B", 1, "-11062.06"),
        row("2", "A", 1, "0"),
    ];
    let (documents, tally) = all(retail(rows.concat()));
    assert_eq!(numbers(&documents), ["2"], "price 0 with a positive quantity is a sale");
    assert_eq!((tally.skipped.invoices, tally.skipped.lines), (3, 4));
    assert_eq!(
        tally.skipped.by_reason.into_iter().collect::<Vec<_>>(),
        [(SkipReason::StockAdjustment, 1), (SkipReason::BadDebt, 2)]
    );
}

#[test]
fn a_line_of_the_wrong_sign_is_malformed_and_its_invoice_goes_on() {
    let rows = [
        row("1", "A", 3, "2"),
        row("1", "B", -1, "2"),
        row("1", "C", 0, "0"),
        row("C2", "A", -1, "2"),
        row("C2", "B", 1, "2"),
        row("3", "A", -1, "2"),
    ];
    let (documents, tally) = all(retail(rows.concat()));
    assert_eq!(numbers(&documents), ["1", "C2"]);
    assert_eq!(invoice(&documents[0]).total.to_string(), "6.00");
    let mut lines = malformed(&tally);
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            (3, "Quantity -1 on a sale, where it must be positive"),
            (4, "Quantity 0 on a sale, where it must be positive"),
            (6, "Quantity 1 on a return, where it must be negative"),
            (7, "Quantity -1 on a sale, where it must be positive"),
        ]
    );
}

#[test]
fn each_kind_of_malformed_line_is_reported_by_number_and_stops_nothing() {
    let long = "x".repeat(65);
    let kinds = [
        ("a,b,c\n".to_owned(), "8 columns expected, 3 found"),
        (with(0, ""), "InvoiceNo is missing"),
        (with(0, "no space"), "InvoiceNo `no space` must be 1 to 64 characters"),
        (with(0, &long), "must be 1 to 64 characters"),
        (with(1, " "), "StockCode is missing"),
        (with(1, &long), "is longer than 64 bytes"),
        (with(3, "1.5"), "Quantity `1.5` is not a whole number up to 1000000"),
        (with(3, ""), "Quantity `` is not"),
        (with(3, "+1"), "Quantity `+1` is not"),
        (with(3, "1000001"), "Quantity `1000001` is not"),
        (with(3, "99999999999999999999"), "is not a whole number"),
        (
            with(4, "01/12/2010 08:26"),
            "InvoiceDate `01/12/2010 08:26` is not a time since 1970, written as 2010-12-01T08:26:00",
        ),
        (with(4, "2010-02-30T00:00:00"), "is not a time"),
        (with(4, "2010-12-31T23:59:60"), "is not a time"),
        (with(4, "1969-12-31T23:59:59"), "is not a time"),
        (with(4, "+12010-12-31T23:59:59"), "is not a time"),
        (with(5, "1e3"), "UnitPrice `1e3` is not a decimal number below 1000000"),
        (with(5, "1_000"), "UnitPrice `1_000` is not"),
        (with(5, "."), "UnitPrice `.` is not"),
        (with(5, "--1"), "UnitPrice `--1` is not"),
        (with(5, "1000000"), "UnitPrice `1000000` is not"),
        (with(5, &"9".repeat(60)), "is not a decimal number"),
        (with(5, "1.00001"), "UnitPrice `1.00001` has more than 4 decimals"),
        (with(5, "-1"), "UnitPrice `-1` is negative"),
        (with(6, "17851"), "CustomerID `17851` on an invoice of customer `17850`"),
    ];
    let mut rows = row("9", "A", 1, "1");
    for (kind, _) in &kinds {
        rows += kind;
        rows += &row("9", "A", 1, "1");
    }
    let (documents, tally) = all(retail(rows));
    assert_eq!(numbers(&documents), ["9"]);
    assert_eq!(invoice(&documents[0]).lines.len(), kinds.len() + 1);
    assert_eq!(tally.malformed.lines, kinds.len() as u64);
    for ((line, what), (index, (_, expected))) in
        malformed(&tally).into_iter().zip(kinds.iter().enumerate())
    {
        assert_eq!(line, 3 + 2 * index as u64, "{what}");
        assert!(what.contains(expected), "`{what}` should say `{expected}`");
    }
}

#[test]
fn zeros_at_the_end_of_a_price_are_no_decimals() {
    let (documents, _) =
        all(retail(row("1", "A", 3, "000.12500000000000000000000000000000000000")));
    let invoice = invoice(&documents[0]);
    assert_eq!(invoice.lines[0].unit_price.to_string(), "0.125");
    assert_eq!(invoice.total.to_string(), "0.38", "0.375, halves away from zero");
}

#[test]
fn lines_add_up_unrounded_and_only_the_sum_is_rounded() {
    let rows: String = (0..4).map(|_| row("1", "A", 1, "0.0025")).collect();
    let (documents, tally) = all(retail(rows + &row("2", "A", 1, "0.005")));
    assert_eq!(invoice(&documents[0]).total.to_string(), "0.01");
    assert_eq!(invoice(&documents[1]).total.to_string(), "0.01");
    assert_eq!(tally.sales_total.normalize().to_string(), "0.015", "not 0.02");
}

#[test]
fn malformed_lines_are_all_counted_and_the_first_ones_kept() {
    let (_, tally) = all(retail("bad\n".repeat(MALFORMED_SHOWN + 50)));
    assert_eq!(tally.malformed.lines, MALFORMED_SHOWN as u64 + 50);
    assert_eq!(tally.malformed.first.len(), MALFORMED_SHOWN);
}

#[test]
fn an_invoice_with_too_many_lines_fails_by_number() {
    let line = row("1", "A", 1, "1");
    let (documents, tally) = all(retail(line.repeat(MAX_LINES_PER_INVOICE)));
    assert_eq!((documents.len(), tally.orders), (1, 1));

    let (_, error) = until_it_fails(retail(line.repeat(MAX_LINES_PER_INVOICE + 1)));
    assert!(matches!(error, ImportError::TooManyLines { line: 10_002, .. }), "{error}");
    assert_eq!(error.to_string(), "shop.csv, line 10002: invoice 1 has more than 10000 lines");
}

#[test]
fn the_tally_serialises_with_totals_in_cents() {
    let rows = row("1", "A", 2, "1.5") + &row("C2", "A", -1, "1") + &row("3", "A", -1, "0");
    let (_, tally) = all(retail(rows));
    assert_eq!(
        serde_json::to_value(tally).unwrap(),
        serde_json::json!({
            "lines": 3,
            "orders": 1, "sales_lines": 1, "sales_total": "3.00",
            "returns": 1, "return_lines": 1, "returns_total": "1.00",
            "skipped": { "invoices": 1, "lines": 1, "by_reason": { "stock adjustment": 1 } },
            "malformed": { "lines": 0, "other_rows": 0, "first": [] },
        })
    );
}
