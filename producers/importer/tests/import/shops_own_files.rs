//! The figures that the shops' own files must come to. The files are no part of the project.

use crate::{all, invoice};
use importer::{Document, Format, Import, SkipReason, open};
use rust_decimal::Decimal;
use std::path::{Path, PathBuf};

/// `None`, said by name, where the data isn't there.
fn shops_own(file: &str, format: Format) -> Option<Import> {
    let path: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    if !path.exists() {
        eprintln!("not run: {} is not there", path.display());
        return None;
    }
    Some(open(&path, format).unwrap())
}

fn sum_of_totals(documents: &[Document], of: fn(&Document) -> bool) -> Decimal {
    documents.iter().filter(|document| of(document)).map(|document| invoice(document).total).sum()
}

#[test]
fn a_month_of_online_retail_comes_to_its_figures() {
    let file = "online-retail/online_retail_2010-12.csv.gz";
    let Some(import) = shops_own(file, Format::OnlineRetail) else {
        return;
    };
    let (documents, tally) = all(import);
    assert_eq!(tally.lines, 42_481);
    assert_eq!((tally.orders, tally.sales_lines), (1_629, 41_683));
    assert_eq!((tally.returns, tally.return_lines), (326, 728));
    assert_eq!((tally.skipped.invoices, tally.skipped.lines), (70, 70));
    assert_eq!(tally.skipped.by_reason[&SkipReason::StockAdjustment], 70);
    assert_eq!(tally.malformed.count(), 0, "{:?}", tally.malformed);
    let sales_total = Decimal::new(82_374_614, 2);
    let returns_total = Decimal::new(7_478_912, 2);
    assert_eq!(tally.sales_total, sales_total);
    assert_eq!(tally.returns_total, returns_total);
    assert_eq!(
        sum_of_totals(&documents, |document| matches!(document, Document::Sale(_))),
        sales_total
    );
    assert_eq!(
        sum_of_totals(&documents, |document| matches!(document, Document::Return(_))),
        returns_total
    );
}

#[test]
fn a_year_of_pizzaplace_comes_to_its_figures() {
    let Some(import) = shops_own("pizzaplace", Format::Pizzaplace) else {
        return;
    };
    let (documents, tally) = all(import);
    assert_eq!((tally.lines, tally.sales_lines), (48_620, 48_620));
    assert_eq!((tally.orders, tally.returns), (21_350, 0));
    assert_eq!(tally.skipped.invoices, 0);
    assert_eq!(tally.malformed.count(), 0, "{:?}", tally.malformed);
    let sales_total = Decimal::new(81_786_005, 2);
    assert_eq!(tally.sales_total, sales_total);
    assert_eq!(sum_of_totals(&documents, |_| true), sales_total);
}
