//! What the importer makes of files: small ones written here, and the shops' own where they are.
#![allow(clippy::unwrap_used, missing_docs)]

mod csv_rows;
mod gzip_files;
mod memory;
mod online_retail;
mod pizzaplace;
mod shops_own_files;
mod times;
mod window;

use importer::{Document, Import, ImportError, Invoice, Tally, read_online_retail};
use std::io::Cursor;

pub(crate) const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// Rows of online-retail, below their header.
pub(crate) fn retail(rows: impl AsRef<[u8]>) -> Import {
    let mut file = HEADER.as_bytes().to_vec();
    file.extend_from_slice(rows.as_ref());
    retail_file(file)
}

pub(crate) fn retail_file(file: Vec<u8>) -> Import {
    read_online_retail("shop.csv", Cursor::new(file)).unwrap()
}

/// A good row of `invoice`, with its end of line.
pub(crate) fn row(invoice: &str, sku: &str, quantity: i32, price: &str) -> String {
    format!("{invoice},{sku},THING,{quantity},2010-12-01T08:26:00,{price},17850,United Kingdom\n")
}

/// Everything, of an import that must not fail and must account for every line.
pub(crate) fn all(mut import: Import) -> (Vec<Document>, Tally) {
    let documents = import.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(import.tally().is_balanced(), "{:?}", import.tally());
    (documents, import.tally().clone())
}

/// What was handed out before the import failed, and how it failed.
pub(crate) fn until_it_fails(mut import: Import) -> (Vec<Document>, ImportError) {
    let mut documents = Vec::new();
    loop {
        match import.next().expect("it should fail") {
            Ok(document) => documents.push(document),
            Err(error) => {
                assert!(import.next().is_none(), "after an error comes nothing");
                return (documents, error);
            }
        }
    }
}

pub(crate) fn invoice(document: &Document) -> &Invoice {
    match document {
        Document::Sale(invoice) | Document::Return(invoice) => invoice,
    }
}

pub(crate) fn numbers(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| invoice(document).number.as_str()).collect()
}

/// The malformed lines as (line, what).
pub(crate) fn malformed(tally: &Tally) -> Vec<(u64, &str)> {
    tally
        .malformed
        .first
        .iter()
        .map(|malformed| (malformed.line, malformed.what.as_str()))
        .collect()
}
