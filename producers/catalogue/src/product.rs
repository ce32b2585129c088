//! A product as clients write it and as they read it. Bodies are read by hand, so that every
//! problem names its place.

use orderly_schemas::{ProductChanged, ProductState, money};
use orderly_web::{
    Problem,
    json::{Found, Json, checks},
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::Kind,
    tables::{Kept, state_of, state_text},
};

const LONGEST_NAME: usize = 200;
const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_CATEGORY: usize = 64;

/// A product. It replaces all that was known of it; fields that aren't listed are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductRequest {
    /// The product, as the path says: so that what was read can be sent back.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Name to show; no control characters.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is.
    #[schema(min_length = 1, max_length = 2_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is listed under; discount rules may name it.
    #[schema(min_length = 1, max_length = 64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Price of one piece, a decimal as a string; a JSON number is refused.
    #[schema(pattern = r"^[0-9]{1,14}(\.[0-9]{1,4})?$", example = "8.50")]
    pub price: String,
    /// ISO 4217 code of the price.
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", example = "GBP")]
    pub currency: String,
    /// Whether it can be ordered: `active`, or `withdrawn`.
    #[schema(pattern = "^(active|withdrawn)$", example = "active")]
    pub state: String,
}

/// A product as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductView {
    /// The product.
    pub sku: String,
    /// Name to show.
    pub name: String,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is listed under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Price of one piece, with two decimals at least.
    #[schema(example = "8.50")]
    pub price: String,
    /// ISO 4217 code of the price.
    pub currency: String,
    /// `active`, or `withdrawn`.
    pub state: String,
}

/// Some products, by sku.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductPage {
    /// The products.
    pub products: Vec<ProductView>,
    /// What `after` has to be for the next page; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Kept> for ProductView {
    fn from(Kept { product, .. }: Kept) -> Self {
        let ProductChanged { sku, name, description, category, price, currency, state } = product;
        let mut price = price.normalize();
        if price.scale() < 2 {
            price.rescale(2);
        }
        let (price, state) = (price.to_string(), state_text(state).to_owned());
        Self { sku, name, description, category, price, currency, state }
    }
}

/// The product that a body says this sku is.
pub(crate) fn read(sku: &str, body: &[u8]) -> Result<ProductChanged, Problem<Kind>> {
    let json = Json::of_body(body)?;
    let mut found = Found::default();
    match read_product(sku, &json, &mut found) {
        Some(product) if found.is_empty() => Ok(product),
        _ => Err(found.into_problem(Kind::InvalidProduct)),
    }
}

fn read_product(sku: &str, json: &Json<'_>, found: &mut Found) -> Option<ProductChanged> {
    let names = ["sku", "name", "description", "category", "price", "currency", "state"];
    let [said, name, description, category, price, currency, state] = found.fields(json, names)?;
    found.optional("sku", said, |said| match checks::text(said)? {
        said if said == sku => Ok(()),
        _ => Err("isn't the one in the path; leave it out".to_owned()),
    });
    let name = found.required("name", name, checks::line(LONGEST_NAME));
    let description =
        found.optional("description", description, checks::lines(LONGEST_DESCRIPTION));
    let category = found.optional("category", category, checks::line(LONGEST_CATEGORY));
    let price = found.required("price", price, read_price);
    let currency = found.required("currency", currency, read_currency);
    let state = found.required("state", state, read_state);
    Some(ProductChanged {
        sku: sku.to_owned(),
        name: name?,
        description: description?,
        category: category?,
        price: price?,
        currency: currency?,
        state: state?,
    })
}

fn read_price(value: &Json<'_>) -> Result<Decimal, String> {
    const RULE: &str = "has to be a decimal of at most 14 digits and 4 decimals, without sign or \
                        exponent, written as a string: \"8.50\"";
    let Json::Text(text) = value else {
        return Err(format!("{RULE}; this is {}", value.kind()));
    };
    money::read_unit_price(text).ok_or_else(|| RULE.to_owned())
}

fn read_currency(value: &Json<'_>) -> Result<String, String> {
    let text = checks::text(value)?;
    if money::is_currency(text) {
        Ok(text.to_owned())
    } else {
        Err("has to be three capital letters, as EUR".to_owned())
    }
}

fn read_state(value: &Json<'_>) -> Result<ProductState, String> {
    let text = checks::text(value)?;
    state_named(text).ok_or_else(|| STATES.to_owned())
}

/// What a state is, in words.
pub(crate) const STATES: &str = "has to be active or withdrawn";

pub(crate) fn state_named(text: &str) -> Option<ProductState> {
    let state = state_of(text);
    (state_text(state) == text).then_some(state)
}
