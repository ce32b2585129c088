//! What can be ordered, as the catalogue is seen from this process: in a customer's order, searched, page
//! by page.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use orderly_schemas::{ProductChanged, ProductState};
use orderly_sdk::view::View;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::order::Prices;

/// Products that one search looks at: what is behind them is for the next page.
const LOOKED_AT: usize = 5_000;
/// How old the sorted menu may get while the catalogue changes; longer, where sorting it takes longer than
/// a twentieth of that.
const OLDEST: Duration = Duration::from_millis(500);

/// Products that can be ordered, by category and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MenuPage {
    /// The products. Of a search there may be fewer than asked for, also where there is a `next`.
    pub products: Vec<MenuProduct>,
    /// What `after` has to be for the next page; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MenuProduct {
    /// What an order's line names.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is listed under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Price of one piece, a decimal as a string with two decimals at least.
    #[schema(example = "8.50")]
    pub price: String,
    /// ISO 4217 code of the price.
    pub currency: String,
}

/// The menu of a shop whose prices are the catalogue's.
pub(crate) struct Menu {
    view: View<ProductChanged>,
    sorted: Mutex<Option<Sorted>>,
}

/// All of it, as it was.
struct Sorted {
    changes: u64,
    at: Instant,
    took: Duration,
    products: Arc<[Arc<ProductChanged>]>,
}

/// Where a page ends, and the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    has_no_category: bool,
    category: String,
    name: String,
    sku: String,
}

impl Menu {
    pub(crate) fn of(prices: &Prices) -> Option<Self> {
        match prices {
            Prices::Catalogue(view) => Some(Self { view: view.clone(), sorted: Mutex::default() }),
            Prices::AsGiven => None,
        }
    }

    /// Whether the catalogue was read to its end once.
    pub(crate) fn is_read(&self) -> bool {
        self.view.is_read()
    }

    /// At most `limit` products that have each of these words in them, behind `after`.
    pub(crate) async fn page(
        &self,
        words: &[String],
        limit: usize,
        after: Option<&Place>,
    ) -> MenuPage {
        let all = self.sorted().await;
        let begin = after.map_or(0, |after| all.partition_point(|one| Place::of(one) <= *after));
        let mut products = Vec::new();
        let mut last = None;
        let mut left = all[begin..].iter();
        for product in left.by_ref().take(LOOKED_AT) {
            last = Some(product);
            if words.is_empty() || has(product, words) {
                products.push(MenuProduct::of(product));
            }
            if products.len() == limit {
                break;
            }
        }
        let next = last.filter(|_| left.next().is_some()).map(|last| Place::of(last).to_text());
        MenuPage { products, next }
    }

    /// All that can be ordered. Sorted anew where the catalogue has changed, but not at each change of many.
    async fn sorted(&self) -> Arc<[Arc<ProductChanged>]> {
        let mut kept = self.sorted.lock().await;
        let changes = self.view.changes();
        if let Some(Sorted { changes: then, at, took, products }) = &*kept
            && (*then == changes || at.elapsed() < OLDEST.max(*took * 20))
        {
            return Arc::clone(products);
        }
        let (view, begun) = (self.view.clone(), Instant::now());
        // Of a million products it takes a second: not on a thread that answers others.
        let sorted = tokio::task::spawn_blocking(move || sort(view.all())).await;
        let products: Arc<[_]> = sorted.unwrap_or_default().into();
        let (at, took) = (Instant::now(), begun.elapsed());
        *kept = Some(Sorted { changes, at, took, products: Arc::clone(&products) });
        products
    }
}

fn sort(mut products: Vec<Arc<ProductChanged>>) -> Vec<Arc<ProductChanged>> {
    products.retain(|product| product.state == ProductState::Active);
    products.sort_by_cached_key(|product| Place::of(product));
    products
}

/// Capitals or not is the same.
fn has(product: &ProductChanged, words: &[String]) -> bool {
    let ProductChanged { sku, name, description, category, .. } = product;
    let texts = [Some(name), category.as_ref(), description.as_ref(), Some(sku)];
    let texts: Vec<String> = texts.into_iter().flatten().map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

impl MenuProduct {
    fn of(product: &ProductChanged) -> Self {
        let mut price = product.price.normalize();
        if price.scale() < 2 {
            price.rescale(2);
        }
        Self {
            sku: product.sku.clone(),
            name: product.name.clone(),
            description: product.description.clone(),
            category: product.category.clone(),
            price: price.to_string(),
            currency: product.currency.clone(),
        }
    }
}

impl Place {
    /// What has no category comes last.
    fn of(product: &ProductChanged) -> Self {
        let category = product.category.as_deref().unwrap_or_default();
        Self {
            has_no_category: category.is_empty(),
            category: category.to_lowercase(),
            name: product.name.to_lowercase(),
            sku: product.sku.clone(),
        }
    }

    fn to_text(&self) -> String {
        // No name has a line's end in it.
        hex::encode(format!("{}\n{}\n{}", self.category, self.name, self.sku))
    }

    /// Reads what an earlier page gave as `next`; `None` where it is nothing of that kind.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
        let mut parts = text.splitn(3, '\n').map(str::to_owned);
        let (category, name, sku) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { has_no_category: category.is_empty(), category, name, sku })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(sku: &str, name: &str, category: Option<&str>) -> Arc<ProductChanged> {
        Arc::new(ProductChanged {
            sku: sku.into(),
            name: name.into(),
            description: Some("Fresh from the OVEN".into()),
            category: category.map(Into::into),
            price: rust_decimal::Decimal::ONE,
            currency: "EUR".into(),
            state: ProductState::Active,
        })
    }

    #[test]
    fn it_is_sorted_by_category_and_name_and_what_has_no_category_comes_last() {
        let sorted = sort(vec![
            product("d", "Gift", None),
            product("c", "zuppa", Some("Soup")),
            product("b", "Äpfel", Some("pizza")),
            product("a2", "bianca", Some("Pizza")),
            product("a1", "Bianca", Some("pizza")),
            Arc::new(ProductChanged {
                state: ProductState::Withdrawn,
                ..(*product("e", "Gone", Some("pizza"))).clone()
            }),
        ]);
        let skus: Vec<_> = sorted.iter().map(|product| &*product.sku).collect();
        assert_eq!(skus, ["a1", "a2", "b", "c", "d"]);
        for product in &sorted {
            let place = Place::of(product);
            assert_eq!(Place::parse(&place.to_text()), Some(place));
        }
        assert!(["", "00", "zz", "6100"].iter().all(|text| Place::parse(text).is_none()));
    }

    #[test]
    fn every_word_has_to_be_somewhere_in_it() {
        let product = product("fig-1", "Fig and Walnut", Some("pizza"));
        let has = |words: &[&str]| {
            has(&product, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert!(has(&["fig"]) && has(&["walnut", "oven"]) && has(&["fig-1", "pizza"]));
        assert!(!has(&["fig", "leek"]));
    }
}
