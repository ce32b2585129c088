//! Real orders through everything.

use importer::Format;
use orderly::demo::{Demo, DemoError, Load};
use orderly_tests::{demo, prove, real_orders, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_months_orders_come_out_of_the_store_as_they_are_in_the_file() {
    let Some(path) = real_orders("online-retail/online_retail_2010-12.csv.gz") else { return };
    let report = prove(demo(Load::Imported { path, format: Format::OnlineRetail }).await).await;
    assert_eq!(report.findings, []);
    let import = report.import.unwrap();
    assert_eq!(import.lines, 42_481);
    assert_eq!((import.orders, import.sales_lines), (1_629, 41_683));
    assert_eq!(import.sales_total, "823746.14");
    assert_eq!((import.returns, import.return_lines), (326, 728));
    assert_eq!(import.returns_total, "74789.12");
    assert_eq!((import.skipped.invoices, import.skipped.lines), (70, 70));
    assert_eq!(import.malformed, 0);
    assert_eq!((report.history.orders, report.history.returns), (1_629, 326));
    assert_eq!(report.fulfilment.completed, 1_629);
    // Nobody outside is told of what is past.
    assert_eq!(report.notifications.mail, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_years_pizzas_are_refused_since_the_embedded_broker_would_forget_some() {
    let Some(path) = real_orders("pizzaplace") else { return };
    let load = Load::Imported { path, format: Format::Pizzaplace };
    let refused = Demo::start(load, settings()).await.err().unwrap();
    assert!(matches!(&refused, DemoError::TooLarge(why) if why.contains("21350")), "{refused}");
}
