//! From bytes to rows of a CSV file, each with the line it begins on.
//!
//! Quoted fields may span lines, so a quote that is never closed could take the rest of the file
//! with it, and into memory. Therefore the splitting is done here: a row that doesn't work out
//! within [`MAX_ROW_BYTES`] and [`MAX_LINES_PER_ROW`] costs its first line only, and reading goes
//! on with the line after it.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
};

use crate::{
    error::{ImportError, OpenError},
    parse_values::shown_up_to,
    read_bytes::Bytes,
};

/// Most bytes of one row.
pub const MAX_ROW_BYTES: usize = 64 * 1024;

/// Most lines that the quoted fields of one row may spread it over.
pub const MAX_LINES_PER_ROW: usize = 100;

/// Most bytes of one field.
pub const MAX_FIELD_BYTES: usize = 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const HEADER_SHOWN: usize = 200;
const NOT_CLOSED: &str = "a quoted field isn't closed, or text follows its closing quote";

/// The rows of one file with N columns.
pub(crate) struct Rows<const N: usize> {
    file: String,
    columns: &'static [&'static str; N],
    bytes: Bytes,
    /// Lines read and not yet given out. More than one only while a quoted field is open, or after
    /// one turned out not to be closed.
    held: VecDeque<RawLine>,
    spare: Vec<Vec<u8>>,
    /// Number of the first line held.
    line: u64,
    cells: Cells,
}

/// One row: its fields, trimmed, or what is wrong with it.
pub(crate) struct Row<'a, const N: usize> {
    pub(crate) line: u64,
    pub(crate) fields: Result<[&'a str; N], String>,
}

impl<const N: usize> Rows<N> {
    /// Fails unless the first row is exactly `columns`.
    pub(crate) fn open(
        file: String,
        bytes: Bytes,
        columns: &'static [&'static str; N],
    ) -> Result<Self, OpenError> {
        let mut rows = Self {
            file,
            columns,
            bytes,
            held: VecDeque::new(),
            spare: Vec::new(),
            line: 1,
            cells: Cells::default(),
        };
        let found = if rows.hold_another_line()? {
            let line = without_end(&rows.held[0].bytes);
            shown_up_to(HEADER_SHOWN, &String::from_utf8_lossy(line))
        } else {
            "an empty file".to_owned()
        };
        let header = rows.next()?.and_then(|row| row.fields.ok());
        if header.is_some_and(|header| header == *columns) {
            return Ok(rows);
        }
        Err(OpenError::Header { file: rows.file, expected: columns.join(","), found })
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The next row that isn't blank.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_, N>>, ImportError> {
        loop {
            if self.held.is_empty() && !self.hold_another_line()? {
                return Ok(None);
            }
            if self.held.front().is_some_and(RawLine::is_blank) {
                self.release(1);
                continue;
            }
            let line = self.line;
            let fields = match self.split()? {
                Ok(lines) => {
                    self.release(lines);
                    self.cells.fields(self.columns)
                }
                Err(what) => {
                    self.release(1);
                    Err(what)
                }
            };
            return Ok(Some(Row { line, fields }));
        }
    }

    /// Splits the row at the front into cells. How many lines it takes, or what is wrong.
    fn split(&mut self) -> Result<Result<usize, String>, ImportError> {
        self.cells.clear();
        let mut at = At::StartOfField;
        let mut size = 0;
        for taken in 0..MAX_LINES_PER_ROW {
            if taken == self.held.len() && !self.hold_another_line()? {
                break;
            }
            let line = &self.held[taken];
            size += line.bytes.len();
            if line.too_long && taken == 0 {
                return Ok(Err(format!("the line is longer than {MAX_ROW_BYTES} bytes")));
            }
            if line.too_long || size > MAX_ROW_BYTES {
                break;
            }
            match self.cells.take(&line.bytes, at) {
                Taken::Row => return Ok(Ok(taken + 1)),
                Taken::OpenQuote => at = At::Quoted,
                Taken::TextAfterQuote => break,
            }
        }
        Ok(Err(NOT_CLOSED.to_owned()))
    }

    /// False at the end of the file.
    fn hold_another_line(&mut self) -> Result<bool, ImportError> {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        let first = self.line == 1 && self.held.is_empty();
        let too_long =
            read_line(&mut self.bytes, &mut bytes).map_err(|cause| ImportError::Unreadable {
                file: self.file.clone(),
                line: self.line - 1 + self.held.len() as u64,
                cause,
            })?;
        if bytes.is_empty() {
            return Ok(false);
        }
        if first && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        self.held.push_back(RawLine { bytes, too_long });
        Ok(true)
    }

    fn release(&mut self, lines: usize) {
        self.line += lines as u64;
        self.spare.extend(self.held.drain(..lines).map(|line| line.bytes));
        self.spare.truncate(MAX_LINES_PER_ROW);
    }
}

struct RawLine {
    /// With its end of line.
    bytes: Vec<u8>,
    /// It went on; the rest is thrown away.
    too_long: bool,
}

impl RawLine {
    fn is_blank(&self) -> bool {
        !self.too_long && without_end(&self.bytes).is_empty()
    }
}

/// Reads a line with its end, at most one byte more than a row may have. Whether it was longer.
fn read_line(from: &mut Bytes, to: &mut Vec<u8>) -> io::Result<bool> {
    let limit = MAX_ROW_BYTES as u64 + 1;
    from.by_ref().take(limit).read_until(b'\n', to)?;
    if to.len() <= MAX_ROW_BYTES {
        return Ok(false);
    }
    if to.last() != Some(&b'\n') {
        from.skip_until(b'\n')?;
    }
    Ok(true)
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The fields of one row, one after the other.
#[derive(Default)]
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy)]
enum At {
    StartOfField,
    Plain,
    Quoted,
    QuoteInQuoted,
}

enum Taken {
    Row,
    OpenQuote,
    TextAfterQuote,
}

impl Cells {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Takes one line of the row. A quote in the middle of an unquoted field is a plain character.
    fn take(&mut self, line: &[u8], mut at: At) -> Taken {
        let content = without_end(line);
        for &byte in content {
            at = match (at, byte) {
                (At::StartOfField, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::QuoteInQuoted,
                (At::StartOfField | At::Plain | At::QuoteInQuoted, b',') => {
                    self.ends.push(self.bytes.len());
                    At::StartOfField
                }
                (At::QuoteInQuoted, b'"') | (At::Quoted, _) => {
                    self.bytes.push(byte);
                    At::Quoted
                }
                (At::QuoteInQuoted, _) => return Taken::TextAfterQuote,
                (At::StartOfField | At::Plain, _) => {
                    self.bytes.push(byte);
                    At::Plain
                }
            };
        }
        if matches!(at, At::Quoted) {
            self.bytes.extend_from_slice(&line[content.len()..]);
            return Taken::OpenQuote;
        }
        self.ends.push(self.bytes.len());
        Taken::Row
    }

    fn fields<const N: usize>(
        &self,
        columns: &'static [&'static str; N],
    ) -> Result<[&str; N], String> {
        if self.ends.len() != N {
            return Err(format!("{N} columns expected, {} found", self.ends.len()));
        }
        let mut fields = [""; N];
        let mut start = 0;
        for ((field, &end), column) in fields.iter_mut().zip(&self.ends).zip(columns) {
            let bytes = &self.bytes[start..end];
            start = end;
            if bytes.len() > MAX_FIELD_BYTES {
                return Err(format!(
                    "{column} has {} bytes, more than {MAX_FIELD_BYTES}",
                    bytes.len()
                ));
            }
            if bytes.contains(&0) {
                return Err(format!("{column} holds a zero byte"));
            }
            *field =
                std::str::from_utf8(bytes).map_err(|_| format!("{column} is not UTF-8"))?.trim();
        }
        Ok(fields)
    }
}
