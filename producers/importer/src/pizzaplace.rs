//! The year of a pizza place: orders and their details, both sorted by order id and read side by
//! side; the menu is small and held in memory.

use std::{collections::HashMap, path::Path};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{
    MAX_LINES_PER_INVOICE,
    document::{Document, Invoice, Line},
    error::{ImportError, OpenError},
    parse_values,
    read_bytes::{Progress, open_file},
    read_rows::Rows,
    tally::Tally,
};

const MAX_MENU_ROWS: usize = 10_000;

const ORDERS: [&str; 3] = ["order_id", "date", "time"];
const DETAILS: [&str; 4] = ["order_details_id", "order_id", "pizza_id", "quantity"];
const PIZZAS: [&str; 4] = ["pizza_id", "pizza_type_id", "size", "price"];
const TYPES: [&str; 4] = ["pizza_type_id", "name", "category", "ingredients"];

pub(crate) struct Pizzaplace {
    menu: HashMap<String, Pizza>,
    orders: Rows<3>,
    last_order: Option<u64>,
    details: Rows<4>,
    last_detail: Option<u64>,
    /// The first detail of an order that hasn't been reached yet.
    ahead: Option<Detail>,
}

impl Pizzaplace {
    pub(crate) fn open(
        directory: &Path,
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            menu: read_menu(
                open_table(directory, "pizza_types", &TYPES, progress)?,
                open_table(directory, "pizzas", &PIZZAS, progress)?,
                tally,
            )?,
            orders: open_table(directory, "orders", &ORDERS, progress)?,
            last_order: None,
            details: open_table(directory, "order_details", &DETAILS, progress)?,
            last_detail: None,
            ahead: None,
        })
    }

    pub(crate) fn next(&mut self, tally: &mut Tally) -> Result<Option<Document>, ImportError> {
        while let Some(order) = self.next_order(tally)? {
            let lines = self.lines_of(order.id, tally)?;
            if lines.is_empty() {
                let what = format!("order {} has no line that can be used", order.id);
                tally.malformed_row(self.orders.file(), order.line, what);
                continue;
            }
            let sale = Invoice::new(order.id.to_string(), None, "USD", order.happened_at, lines);
            tally.sale(&sale);
            return Ok(Some(Document::Sale(sale)));
        }
        while let Some(detail) = self.next_detail(tally)? {
            self.report_orphan(&detail, tally);
        }
        Ok(None)
    }

    fn next_order(&mut self, tally: &mut Tally) -> Result<Option<Order>, ImportError> {
        while let Some(row) = self.orders.next()? {
            let line = row.line;
            let order = row
                .fields
                .and_then(|fields| Ok((parse_values::counted_id(ORDERS[0], fields[0])?, fields)))
                .map(|(id, fields)| (id, Order::parse(id, line, &fields)));
            let what = match order {
                Err(what) => what,
                Ok((id, order)) => match (self.last_order.replace(id), order) {
                    (Some(previous), _) if id < previous => {
                        return Err(ImportError::OutOfOrder {
                            file: self.orders.file().to_owned(),
                            line,
                            order: id,
                            previous,
                        });
                    }
                    (Some(previous), _) if id == previous => format!("order {id} comes twice"),
                    (_, Err(what)) => what,
                    (_, Ok(order)) => return Ok(Some(order)),
                },
            };
            tally.malformed_row(self.orders.file(), line, what);
        }
        Ok(None)
    }

    fn lines_of(&mut self, order: u64, tally: &mut Tally) -> Result<Vec<Line>, ImportError> {
        let mut lines = Vec::new();
        while let Some(detail) = self.next_detail(tally)? {
            if detail.order > order {
                self.ahead = Some(detail);
                break;
            }
            if detail.order < order {
                self.report_orphan(&detail, tally);
                continue;
            }
            if lines.len() == MAX_LINES_PER_INVOICE {
                return Err(ImportError::TooManyLines {
                    file: self.details.file().to_owned(),
                    line: detail.line,
                    invoice: order.to_string(),
                    limit: MAX_LINES_PER_INVOICE,
                });
            }
            lines.push(detail.goods);
        }
        Ok(lines)
    }

    fn next_detail(&mut self, tally: &mut Tally) -> Result<Option<Detail>, ImportError> {
        if let Some(detail) = self.ahead.take() {
            return Ok(Some(detail));
        }
        while let Some(row) = self.details.next()? {
            tally.lines += 1;
            let line = row.line;
            let detail = row
                .fields
                .and_then(|fields| Ok((parse_values::counted_id(DETAILS[1], fields[1])?, fields)))
                .map(|(order, fields)| (order, Detail::parse(order, line, &fields, &self.menu)));
            let what = match detail {
                Err(what) => what,
                Ok((order, detail)) => match (self.last_detail.replace(order), detail) {
                    (Some(previous), _) if order < previous => {
                        return Err(ImportError::OutOfOrder {
                            file: self.details.file().to_owned(),
                            line,
                            order,
                            previous,
                        });
                    }
                    (_, Err(what)) => what,
                    (_, Ok(detail)) => return Ok(Some(detail)),
                },
            };
            tally.malformed_line(self.details.file(), line, what);
        }
        Ok(None)
    }

    fn report_orphan(&self, detail: &Detail, tally: &mut Tally) {
        let what = format!(
            "order {} is not in {}, or not in a row that can be used",
            detail.order,
            self.orders.file()
        );
        tally.malformed_line(self.details.file(), detail.line, what);
    }
}

struct Order {
    id: u64,
    line: u64,
    happened_at: DateTime<Utc>,
}

impl Order {
    fn parse(id: u64, line: u64, fields: &[&str; 3]) -> Result<Self, String> {
        let [_, date, time] = fields;
        Ok(Self {
            id,
            line,
            happened_at: parse_values::local_time(
                "date and time",
                &format!("{date}T{time}"),
                "%Y-%m-%dT%H:%M:%S",
                &Utc,
            )?,
        })
    }
}

struct Detail {
    order: u64,
    line: u64,
    goods: Line,
}

impl Detail {
    fn parse(
        order: u64,
        line: u64,
        fields: &[&str; 4],
        menu: &HashMap<String, Pizza>,
    ) -> Result<Self, String> {
        let [_, _, pizza_id, quantity] = *fields;
        let pizza = menu.get(pizza_id).ok_or_else(|| {
            format!("pizza_id {} is not on the menu", parse_values::shown(pizza_id))
        })?;
        let pieces = parse_values::quantity(DETAILS[3], quantity)?;
        if pieces <= 0 {
            return Err(format!("quantity {pieces} is not positive"));
        }
        Ok(Self {
            order,
            line,
            goods: Line {
                sku: pizza_id.to_owned(),
                name: Some(pizza.name.clone()),
                quantity: pieces,
                unit_price: pizza.price,
            },
        })
    }
}

struct Pizza {
    name: String,
    price: Decimal,
}

fn open_table<const N: usize>(
    directory: &Path,
    table: &'static str,
    columns: &'static [&'static str; N],
    progress: &mut Progress,
) -> Result<Rows<N>, OpenError> {
    let path = ["csv", "csv.gz"]
        .map(|ending| directory.join(format!("{table}.{ending}")))
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| OpenError::MissingTable { directory: directory.to_owned(), table })?;
    let bytes = open_file(&path, progress)?;
    Rows::open(path.display().to_string(), bytes, columns)
}

fn read_menu(
    types: Rows<4>,
    pizzas: Rows<4>,
    tally: &mut Tally,
) -> Result<HashMap<String, Pizza>, OpenError> {
    let names = read_small(types, tally, |[id, name, _, _]| {
        let name = parse_values::code(TYPES[1], name)?;
        Ok((parse_values::code(TYPES[0], id)?, name))
    })?;
    read_small(pizzas, tally, |[id, kind, size, price]| {
        let name = names.get(kind).ok_or_else(|| {
            format!("pizza_type_id {} is not in pizza_types", parse_values::shown(kind))
        })?;
        let pizza = Pizza {
            name: format!("{name} ({})", parse_values::code(PIZZAS[2], size)?),
            price: parse_values::price(PIZZAS[3], price)?,
        };
        if pizza.price < Decimal::ZERO {
            return Err(format!("price {} is negative", parse_values::shown(price)));
        }
        Ok((parse_values::code(PIZZAS[0], id)?, pizza))
    })
}

/// A whole table by its first column; the first of two rows with the same one holds.
fn read_small<T>(
    mut rows: Rows<4>,
    tally: &mut Tally,
    parse: impl Fn([&str; 4]) -> Result<(String, T), String>,
) -> Result<HashMap<String, T>, OpenError> {
    let mut table = HashMap::new();
    while let Some(row) = rows.next()? {
        let line = row.line;
        let what = match row.fields.and_then(&parse) {
            Ok((id, _)) if table.contains_key(&id) => {
                format!("{} comes twice", parse_values::shown(&id))
            }
            Ok(_) if table.len() == MAX_MENU_ROWS => {
                return Err(OpenError::TooManyRows {
                    file: rows.file().to_owned(),
                    limit: MAX_MENU_ROWS,
                });
            }
            Ok((id, value)) => {
                table.insert(id, value);
                continue;
            }
            Err(what) => what,
        };
        tally.malformed_row(rows.file(), line, what);
    }
    Ok(table)
}
