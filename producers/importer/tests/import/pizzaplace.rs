use crate::{all, invoice, numbers, until_it_fails};
use importer::{Document, Format, Import, ImportError, open};
use std::fs;

const TYPES: &str = "pizza_type_id,name,category,ingredients\n\
    hawaiian,The Hawaiian Pizza,classic,\"Ham, Pineapple\"\n";
const PIZZAS: &str = "pizza_id,pizza_type_id,size,price\n\
    hawaiian_m,hawaiian,M,13.25\nhawaiian_s,hawaiian,S,10.50\n";

fn pizzaplace(orders: &str, details: &str) -> Import {
    pizzaplace_with_menu(orders, details, TYPES, PIZZAS)
}

/// The files are gone when this returns: they are open by then.
fn pizzaplace_with_menu(orders: &str, details: &str, types: &str, pizzas: &str) -> Import {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("orders", format!("order_id,date,time\n{orders}")),
        ("order_details", format!("order_details_id,order_id,pizza_id,quantity\n{details}")),
        ("pizza_types", types.to_owned()),
        ("pizzas", pizzas.to_owned()),
    ] {
        fs::write(directory.path().join(format!("{name}.csv")), content).unwrap();
    }
    open(directory.path(), Format::Pizzaplace).unwrap()
}

/// The malformed ones as (file's name, line, what).
fn malformed(import: &Import) -> Vec<(&str, u64, &str)> {
    import
        .tally()
        .malformed
        .first
        .iter()
        .map(|found| {
            let name = found.file.rsplit('/').next().unwrap();
            (name, found.line, found.what.as_str())
        })
        .collect()
}

#[test]
fn an_order_is_joined_with_its_details_and_the_menu() {
    let (documents, tally) = all(pizzaplace(
        "7,2015-01-01,11:38:36\n8,2015-01-01,11:57:40\n",
        "1,7,hawaiian_m,2\n2,7,hawaiian_s,1\n3,8,hawaiian_s,1\n",
    ));
    let [Document::Sale(sale), Document::Sale(_)] = &documents[..] else {
        panic!("{documents:?}");
    };
    assert_eq!(sale.number, "7");
    assert_eq!(sale.user_id, None);
    assert_eq!(sale.currency, "USD");
    assert_eq!(sale.happened_at.to_rfc3339(), "2015-01-01T11:38:36+00:00");
    assert_eq!(sale.total.to_string(), "37.00");
    assert_eq!(sale.lines[0].sku, "hawaiian_m");
    assert_eq!(sale.lines[0].name.as_deref(), Some("The Hawaiian Pizza (M)"));
    assert_eq!((tally.lines, tally.orders, tally.sales_lines), (3, 2, 3));
}

#[test]
fn what_does_not_join_is_malformed_and_stops_nothing() {
    let mut import = pizzaplace(
        "1,2015-01-01,11:00:00\n2,2015-01-01,11:00:00\n4,never,11:00:00\n5,2015-01-01,11:00:00\n\
         5,2015-01-01,11:00:00\nx,2015-01-01,11:00:00\n6,2015-01-01,11:00:00\n",
        "1,1,hawaiian_m,1\n2,1,calzone_m,1\n3,3,hawaiian_m,1\n4,4,hawaiian_m,1\n\
         5,5,hawaiian_m,0\n6,5,hawaiian_m,1\n7,6,calzone_m,1\n8,9,hawaiian_m,1\n9,,hawaiian_m,1\n",
    );
    let documents: Vec<_> = import.by_ref().map(Result::unwrap).collect();
    assert_eq!(numbers(&documents), ["1", "5"]);
    assert_eq!(invoice(&documents[0]).lines.len(), 1);
    assert!(import.tally().is_balanced());
    let found = malformed(&import);
    let has = |file: &str, line: u64, what: &str| {
        assert!(
            found.iter().any(|found| found.0 == file && found.1 == line && found.2.contains(what)),
            "{file}, line {line}: {what}, in {found:#?}"
        );
    };
    has("orders.csv", 3, "order 2 has no line that can be used");
    has("orders.csv", 4, "date and time `neverT11:00:00` is not a time");
    has("orders.csv", 6, "order 5 comes twice");
    has("orders.csv", 7, "order_id `x` is not a whole number");
    has("orders.csv", 8, "order 6 has no line that can be used");
    has("order_details.csv", 3, "pizza_id `calzone_m` is not on the menu");
    has("order_details.csv", 4, "order 3 is not in");
    has("order_details.csv", 5, "order 4 is not in");
    has("order_details.csv", 6, "quantity 0 is not positive");
    has("order_details.csv", 8, "calzone_m");
    has("order_details.csv", 9, "order 9 is not in");
    has("order_details.csv", 10, "order_id is missing");
    assert_eq!(import.tally().malformed.other_rows, 5);
    assert_eq!(import.tally().malformed.lines, 7);
}

#[test]
fn a_bad_row_of_the_menu_is_malformed_and_so_is_what_needs_it() {
    let mut import = pizzaplace_with_menu(
        "1,2015-01-01,11:00:00\n",
        "1,1,hawaiian_m,1\n2,1,greek_m,1\n3,1,hawaiian_l,1\n",
        TYPES,
        &format!("{PIZZAS}greek_m,greek,M,1\nhawaiian_l,hawaiian,L,-1\nhawaiian_m,hawaiian,M,99\n"),
    );
    let documents: Vec<_> = import.by_ref().map(Result::unwrap).collect();
    assert_eq!(invoice(&documents[0]).total.to_string(), "13.25");
    let places: Vec<_> =
        malformed(&import).into_iter().map(|(file, line, _)| (file, line)).collect();
    assert_eq!(
        places,
        [
            ("pizzas.csv", 4),
            ("pizzas.csv", 5),
            ("pizzas.csv", 6),
            ("order_details.csv", 3),
            ("order_details.csv", 4),
        ]
    );
}

#[test]
fn orders_and_details_out_of_order_fail_by_number() {
    let orders = "1,2015-01-01,11:00:00\n3,2015-01-01,11:00:00\n2,2015-01-01,11:00:00\n";
    let (documents, error) =
        until_it_fails(pizzaplace(orders, "1,1,hawaiian_m,1\n2,3,hawaiian_m,1\n"));
    assert_eq!(numbers(&documents), ["1", "3"]);
    assert!(
        matches!(&error, ImportError::OutOfOrder { file, line: 4, order: 2, previous: 3 }
            if file.ends_with("orders.csv")),
        "{error}"
    );

    let orders = "1,2015-01-01,11:00:00\n2,2015-01-01,11:00:00\n";
    let (_, error) = until_it_fails(pizzaplace(orders, "1,2,hawaiian_m,1\n2,1,hawaiian_m,1\n"));
    assert!(
        matches!(&error, ImportError::OutOfOrder { file, line: 3, order: 1, previous: 2 }
            if file.ends_with("order_details.csv")),
        "{error}"
    );
}
