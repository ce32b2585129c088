//! The customer's page and the kitchen's, in a real Chromium: the scripts in `tests/browser/` are the stories.

use std::time::Duration;

use orderly::{
    demo::{Keepers, keep_shop},
    platform::{Platform, PricesFrom},
};
use orderly_harness::{Browser, NotRun, need};
use orderly_tests::{root, settings};

/// Longest that a script may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

async fn found() -> Result<Browser, NotRun> {
    tokio::task::spawn_blocking(Browser::find).await.unwrap()
}

/// Runs a script of `tests/browser/` to its end; where `shop` is one that runs, on that.
async fn browse(browser: Browser, script: &str, shop: &str) {
    let script = root().join("tests/browser").join(script);
    let variables = [("SHOP", shop.to_owned())];
    let running = move || browser.run(&script, &variables, PATIENCE);
    if let Err(said) = tokio::task::spawn_blocking(running).await.unwrap() {
        panic!("{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_once_and_what_is_wrong_is_said_where_it_belongs() {
    browse(need!(found().await), "placing.mjs", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_the_kitchen_are_followed_through_lost_connections() {
    browse(need!(found().await), "following.mjs", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_orders_by_keyboard_watches_it_to_ready_and_the_kitchen_sees_it() {
    let browser = need!(found().await);
    let mut settings = settings();
    settings.prices = PricesFrom::Catalogue;
    settings.rules.stages = "prep=1s,bake=6s,oven=1s".parse().unwrap();
    let platform = Platform::start(settings).await.unwrap();
    let shop = format!("http://{}", platform.api);
    let keepers = Keepers::of_platform(&platform);
    keep_shop(&keepers, &platform.databases, &shop, &[]).await.unwrap();
    browse(browser, "a_customer.mjs", &shop).await;
    platform.stop().await.unwrap();
}
