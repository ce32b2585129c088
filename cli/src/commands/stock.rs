//! `orderly stock`: what fulfilment has of each product, holds for orders, and sold.

use std::{path::Path, process::ExitCode};

use fulfilment::{Books, KeptStock};
use orderly_sdk::away;
use orderly_stores::{Database, StoreError};
use serde_json::{Value, json};

use super::{Refused, print};
use crate::{
    args::{Output, StockArgs},
    platform::chain,
};

pub(super) async fn run(args: StockArgs, output: Output) -> Result<ExitCode, Refused> {
    let StockArgs { skus, after, limit, database } = args;
    let url = database.or_environment().map_err(Refused::usage)?;
    // Opened, a file that isn't there would be made.
    let file = url.strip_prefix("sqlite:").map(|file| file.split('?').next().unwrap_or(file));
    if let Some(file) = file.filter(|file| !Path::new(file).exists()) {
        let why = format!("there is no database {file}. Did fulfilment ever run on it?");
        return Err(Refused::because(why));
    }
    let database = Database::open(&url).map_err(|e| Refused::by(&e))?;
    let books = Books::of(&database);
    let (kept, next) = if skus.is_empty() {
        let kept = books.stock_after(&after, limit).await.map_err(|e| refused(&e))?;
        let is_full = u32::try_from(kept.len()).is_ok_and(|count| count == limit);
        let next = kept.last().filter(|_| is_full).map(|last| last.sku.clone());
        (kept, next)
    } else {
        let named: Vec<&str> = skus.iter().map(|sku| &**sku).collect();
        (books.stock_among(&named).await.map_err(|e| refused(&e))?, None)
    };
    let missing: Vec<&String> =
        skus.iter().filter(|sku| kept.iter().all(|stock| stock.sku != **sku)).collect();
    match output {
        Output::Json => {
            let stock: Vec<Value> = kept.iter().map(as_json).collect();
            print::line(json!({ "stock": stock, "never_counted": missing, "next": next }));
        }
        Output::Table => {
            if !kept.is_empty() {
                let mut table =
                    print::table(["product", "on hand", "held", "left to order", "sold"]);
                for stock in &kept {
                    table.add_row([
                        stock.sku.clone(),
                        stock.on_hand.to_string(),
                        stock.held.to_string(),
                        stock.left().to_string(),
                        stock.sold.to_string(),
                    ]);
                }
                print::line(table);
            }
            for sku in &missing {
                print::line(format_args!("{sku} was never counted: PUT /stock/{sku} at catalogue"));
            }
            match next {
                Some(next) => print::line(format_args!("there may be more: --after {next}")),
                None => print::line(format_args!("{} products", kept.len())),
            }
        }
    }
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn refused(error: &StoreError) -> Refused {
    match away(error) {
        Some(_) => Refused::by(error),
        None => Refused::because(format!(
            "no stock can be read in that database: {}. Did fulfilment ever run on it? --database or \
             DATABASE_URL names it",
            chain(error)
        )),
    }
}

fn as_json(stock: &KeptStock) -> Value {
    let KeptStock { sku, on_hand, held, sold } = stock;
    json!({ "sku": sku, "on_hand": on_hand, "held": held, "left": stock.left(), "sold": sold })
}
