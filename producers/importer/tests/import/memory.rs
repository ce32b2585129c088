use crate::{HEADER, row, until_it_fails};
use importer::{Import, ImportError, WINDOW, read_online_retail};
use std::io::{self, Read};

/// A file that is written while it is read.
struct Written<F> {
    write_line: F,
    next: u64,
    lines: u64,
    rest: Vec<u8>,
}

impl<F: FnMut(u64) -> String> Read for Written<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.next < self.lines {
            self.rest = (self.write_line)(self.next).into_bytes();
            self.next += 1;
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

fn written(lines: u64, write_line: impl FnMut(u64) -> String + Send + 'static) -> Import {
    let written = Written { write_line, next: 0, lines, rest: HEADER.as_bytes().to_vec() };
    read_online_retail("written.csv", written).unwrap()
}

#[test]
fn what_is_held_does_not_grow_with_the_file() {
    let mut import = written(500_040, |index| {
        row(&(index / 2 % 3 + index / 60 * 3).to_string(), "A", 1, "1.25")
    });
    let mut most_open = 0;
    while let Some(document) = import.next() {
        document.unwrap();
        most_open = most_open.max(import.open_documents());
    }
    let tally = import.tally();
    assert!(tally.is_balanced());
    assert_eq!((tally.lines, tally.sales_lines), (500_040, 500_040));
    assert_eq!(tally.orders, 25_002);
    assert!(most_open <= 60, "{most_open} were open");
    assert_eq!(import.open_documents(), 0);
}

#[test]
fn at_most_a_window_of_invoices_is_open_at_once() {
    let mut import = written(5_000, |index| row(&index.to_string(), "A", 1, "1"));
    let mut most_open = 0;
    while let Some(document) = import.next() {
        document.unwrap();
        most_open = most_open.max(import.open_documents());
    }
    assert_eq!(most_open as u64, WINDOW + 1);
    assert_eq!(import.tally().orders, 5_000);
}

#[test]
fn many_long_invoices_open_at_once_fail_instead_of_filling_memory() {
    let import = written(200_000, |index| row(&(index % 1_000).to_string(), "A", 1, "1"));
    let (_, error) = until_it_fails(import);
    assert!(
        matches!(error, ImportError::TooManyHeld { line: 100_002, open: 1_000, .. }),
        "{error}"
    );
}

#[test]
fn an_import_can_be_driven_from_another_thread() {
    let import = written(10, |index| row(&index.to_string(), "A", 1, "1"));
    assert_eq!(std::thread::spawn(move || import.count()).join().unwrap(), 10);
}
