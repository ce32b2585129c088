//! Bodies that are no order: each is refused by name, and nothing is written.

use serde_json::{Value, json};

use crate::harness::{Shop, order};

/// A good order, changed.
fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut order = order();
    change(&mut order);
    order
}

fn line(field: &str, value: Value) -> Value {
    with(|order| order["lines"][1][field] = value)
}

fn top(field: &str, value: Value) -> Value {
    with(|order| order[field] = value)
}

fn without(pointer: &str, field: &str) -> Value {
    with(|order| {
        order.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    })
}

/// Bodies and the field that their problem names.
fn bad_orders() -> Vec<(Value, &'static str)> {
    let long = "x".repeat(65);
    let mut bad = vec![
        // The order itself.
        (json!(null), "(body)"),
        (json!([]), "(body)"),
        (json!("order"), "(body)"),
        (json!(1), "(body)"),
        (top("order_id", json!("mine")), "order_id"),
        (top("total", json!("1.00")), "total"),
        (top("Currency", json!("GBP")), "Currency"),
        (top(&long, json!(1)), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"),
        (top("a\nb", json!(1)), "a\\nb"),
        // Its user.
        (top("user_id", json!("")), "user_id"),
        (top("user_id", json!(long)), "user_id"),
        (top("user_id", json!("ada lovelace")), "user_id"),
        (top("user_id", json!("ada/..")), "user_id"),
        (top("user_id", json!("..")), "user_id"),
        (top("user_id", json!("é")), "user_id"),
        (top("user_id", json!(7)), "user_id"),
        // Its currency.
        (without("", "currency"), "currency"),
        (top("currency", json!(null)), "currency"),
        (top("currency", json!("gbp")), "currency"),
        (top("currency", json!("GB")), "currency"),
        (top("currency", json!("POUND")), "currency"),
        (top("currency", json!("£££")), "currency"),
        // Its lines.
        (without("", "lines"), "lines"),
        (top("lines", json!(null)), "lines"),
        (top("lines", json!([])), "lines"),
        (top("lines", json!({})), "lines"),
        (top("lines", json!(vec![order()["lines"][0].clone(); 501])), "lines"),
        (top("lines", json!([null])), "lines[0]"),
        (top("lines", json!(["margherita"])), "lines[0]"),
        (line("colour", json!("red")), "lines[1].colour"),
        // Skus and names.
        (without("/lines/1", "sku"), "lines[1].sku"),
        (line("sku", json!("")), "lines[1].sku"),
        (line("sku", json!(long)), "lines[1].sku"),
        (line("sku", json!("a b")), "lines[1].sku"),
        (line("sku", json!(".")), "lines[1].sku"),
        (line("sku", json!(5)), "lines[1].sku"),
        (line("name", json!("")), "lines[1].name"),
        (line("name", json!("x".repeat(201))), "lines[1].name"),
        (line("name", json!("a\u{0}b")), "lines[1].name"),
        (line("name", json!("a\u{7f}b")), "lines[1].name"),
        (line("name", json!({})), "lines[1].name"),
        // Contacts.
        (top("contact", json!({})), "contact"),
        (top("contact", json!("ada@example.org")), "contact"),
        (top("contact", json!({ "email": null })), "contact"),
        (top("contact", json!({ "email": "ada@example.org", "phone": "1" })), "contact.phone"),
    ];
    bad.push((without("/lines/1", "quantity"), "lines[1].quantity"));
    let quantities = [
        json!(0),
        json!(-1),
        json!(10_001),
        json!(1.5),
        json!(1.0),
        json!("1"),
        json!(true),
        json!(4_294_967_297_u64),
        json!(u64::MAX),
        json!(1e30),
    ];
    bad.extend(quantities.map(|quantity| (line("quantity", quantity), "lines[1].quantity")));
    bad.push((without("/lines/1", "unit_price"), "lines[1].unit_price"));
    let prices = [
        json!(2.55),
        json!(2),
        json!(null),
        json!(""),
        json!("-1"),
        json!("+1"),
        json!("1,5"),
        json!("1e3"),
        json!("1.23456"),
        json!("0.00000"),
        json!(".5"),
        json!("5."),
        json!("1.2.3"),
        json!(" 1"),
        json!("0x10"),
        json!("1_000"),
        json!("NaN"),
        json!("inf"),
        json!("£1"),
        json!("١"),
        json!("100000000000000"),
        json!("9".repeat(5_000)),
    ];
    bad.extend(prices.map(|price| (line("unit_price", price), "lines[1].unit_price")));
    let mails = [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "a da@example.org",
        "ada@example.org\r\nBcc: x",
        "ada@@example.org",
        "<ada@example.org>",
        "ada@example.org,bob@example.org",
        "ada@-example.org",
        &format!("ada@{}.org", "x".repeat(64)),
        &format!("{}@example.org", "x".repeat(65)),
    ]
    .map(|mail| (top("contact", json!({ "email": mail })), "contact.email"));
    bad.extend(mails);
    let dear = line("unit_price", json!("99999999999999.9999"));
    bad.push((
        with(|order| {
            *order = dear;
            order["lines"][1]["quantity"] = json!(10_000);
        }),
        "lines",
    ));
    bad
}

#[tokio::test]
async fn each_bad_order_is_refused_by_the_name_of_its_field_and_nothing_is_written() {
    let bad = bad_orders();
    assert!(bad.len() >= 60, "{}", bad.len());
    let shop = Shop::open().await;
    for (body, field) in &bad {
        let answer = shop.post_with_key("k", body).await;
        let problem = answer.problem(422, "invalid-order");
        let named: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, [*field], "{body}");
    }
    assert!(shop.records("orders").await.is_empty());
    assert!(shop.records("contacts").await.is_empty());
    // No key is bound by any of them.
    shop.post_with_key("k", &order()).await.accepted();
}

#[tokio::test]
async fn a_price_as_a_number_is_told_to_be_written_as_a_string() {
    let shop = Shop::open().await;
    let answer = shop.post(&line("unit_price", json!(2.55))).await;
    let problem = answer.problem(422, "invalid-order");
    assert!(problem.errors[0].message.contains("as a string: \"2.55\"; this is a number"));
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_and_no_more_than_fifty() {
    let shop = Shop::open().await;
    let body = json!({
        "currency": "gbp", "coupon": 1, "contact": { "email": "?" },
        "lines": [{ "sku": "a b", "quantity": 0, "unit_price": 1 }],
    });
    let problem = shop.post(&body).await.problem(422, "invalid-order");
    let mut named: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "contact.email",
            "coupon",
            "currency",
            "lines[0].quantity",
            "lines[0].sku",
            "lines[0].unit_price"
        ]
    );

    let body = json!({ "currency": "GBP", "lines": vec![json!({}); 500] });
    let problem = shop.post(&body).await.problem(422, "invalid-order");
    assert_eq!(problem.errors.len(), 50);
    assert!(problem.detail.contains("More than 50"), "{problem:?}");
}

#[tokio::test]
async fn repeated_keys_are_refused_wherever_they_are() {
    let shop = Shop::open().await;
    let line = r#"{"sku":"a","quantity":1,"unit_price":"1"}"#;
    for (body, field) in [
        (format!(r#"{{"currency":"GBP","currency":"EUR","lines":[{line}]}}"#), "currency"),
        (format!(r#"{{"currency":"GBP","lines":[{line}],"lines":[{line}]}}"#), "lines"),
        (format!(r#"{{"currency":"GBP","curr\u0065ncy":"GBP","lines":[{line}]}}"#), "currency"),
        (
            r#"{"currency":"GBP","lines":[{"sku":"a","quantity":1,"quantity":9,"unit_price":"1"}]}"#
                .to_owned(),
            "lines[0].quantity",
        ),
        (
            format!(r#"{{"currency":"GBP","lines":[{line}],"contact":{{"email":"a@b.co","email":"c@d.co"}}}}"#),
            "contact.email",
        ),
    ] {
        let request = shop.http.post(format!("{}/orders", shop.url));
        let request = request.header("Content-Type", "application/json").body(body.clone());
        let problem = shop.send(request).await.problem(422, "invalid-order");
        assert_eq!(problem.errors[0].field, field, "{body}");
        assert!(problem.errors[0].message.contains("more than once"), "{problem:?}");
    }
    assert!(shop.records("orders").await.is_empty());
}
