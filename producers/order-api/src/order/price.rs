//! What an order costs: by the catalogue as this process sees it, or by the order's own word.

use std::fmt;

use orderly_schemas::{
    OrderLine, ProductChanged, ProductState,
    money::{self, UNIT_PRICE_SCALE},
};
use orderly_sdk::view::View;
use rust_decimal::Decimal;

use super::{
    Order,
    found::{At, Found},
    read::PricedBy,
    total::total,
};
use crate::problem::{Kind, Problem};

/// Where prices come from.
#[derive(Clone)]
pub enum Prices {
    /// The catalogue: a product that isn't in it, or was withdrawn, can't be ordered, and a price in a
    /// request is only compared. Lines get its names and categories.
    Catalogue(View<ProductChanged>),
    /// The request, unseen: for shops that price elsewhere and whose callers are trusted.
    AsGiven,
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Catalogue(_) => "Catalogue",
            Self::AsGiven => "AsGiven",
        })
    }
}

impl Prices {
    pub(super) fn priced_by(&self) -> PricedBy {
        match self {
            Self::Catalogue(_) => PricedBy::Catalogue,
            Self::AsGiven => PricedBy::Body,
        }
    }

    /// Why nothing can be priced now.
    pub(crate) fn missing(&self) -> Result<(), String> {
        match self {
            Self::AsGiven => Ok(()),
            Self::Catalogue(view) if !view.is_read() => {
                Err("the catalogue isn't read to its end yet".to_owned())
            }
            Self::Catalogue(view) if view.is_overfull() => {
                Err("the catalogue has more products than this process has room for".to_owned())
            }
            Self::Catalogue(_) => Ok(()),
        }
    }
}

impl Order {
    /// Prices every line and adds up. After an error its lines are of no use.
    pub(crate) fn price(&mut self, prices: &Prices) -> Result<Decimal, Problem> {
        let mut found = Found::default();
        if let Prices::Catalogue(view) = prices {
            if !view.is_read() {
                return Err(not_known_yet());
            }
            let mut without_price = self.without_price.iter().peekable();
            for (number, line) in self.lines.iter_mut().enumerate() {
                let is_given = without_price.next_if_eq(&&number).is_none();
                let Some(product) = view.get(&line.sku) else {
                    if view.is_overfull() {
                        return Err(not_known_yet());
                    }
                    found.add(At::Line(number).field("sku"), "is no product that is sold here");
                    continue;
                };
                if let Err((field, message)) = price_line(line, is_given, &self.currency, &product)
                {
                    found.add(At::Line(number).field(field), message);
                }
            }
        }
        if !found.is_empty() {
            return Err(found.into_problem(Kind::InvalidOrder));
        }
        total(&self.lines).ok_or_else(|| {
            found.add("lines", "come to more than an order can: 16 digits before the point");
            found.into_problem(Kind::InvalidOrder)
        })
    }
}

/// Or the field that is wrong, and how.
fn price_line(
    line: &mut OrderLine,
    is_given: bool,
    currency: &str,
    product: &ProductChanged,
) -> Result<(), (&'static str, String)> {
    if product.state != ProductState::Active {
        return Err(("sku", "is not sold any more".to_owned()));
    }
    if product.currency != currency {
        let message =
            format!("is sold in {}, and the order is in {currency}", shown(&product.currency));
        return Err(("sku", message));
    }
    let mut price = product.price;
    if price.is_sign_negative() || money::check(&price, UNIT_PRICE_SCALE).is_err() {
        return Err(("sku", "has no price that can be charged".to_owned()));
    }
    price.rescale(UNIT_PRICE_SCALE);
    if is_given && line.unit_price != price {
        return Err(("unit_price", format!("the price is now {}", price.normalize())));
    }
    line.unit_price = price;
    line.name = Some(product.name.clone());
    line.category.clone_from(&product.category);
    Ok(())
}

/// What another service wrote, fit for a message.
fn shown(currency: &str) -> String {
    currency.chars().take(3).flat_map(char::escape_default).collect()
}

fn not_known_yet() -> Problem {
    let detail = "Prices aren't known yet: the catalogue is still being read. Nothing was ordered. \
                  Try again in a moment.";
    Problem::new(Kind::PricesUnknown, detail).retry_after(1)
}
