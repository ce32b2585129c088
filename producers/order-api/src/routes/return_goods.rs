mod left;

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use left::Left;
use orderly_schemas::{OrderLine, OrderReturned};
use orderly_sdk::{EventId, Meta};

use super::{
    Service,
    about_order::{self, Asked},
    body,
    refusals::{CallerRefusals, Refusals},
    show_order,
};
use crate::{
    caller::Caller,
    history::{HistoryError, OrderDetails},
    order::{self, Return},
    placing::{OrderReceipt, ReturnAccepted},
    problem::{FieldProblem, Kind, Problem},
};

/// Goods come back of what was collected: a status after it may be another one, and a refund is also what
/// follows a cancellation.
const COMPLETED: &str = "OrderCompleted";
/// Fields that one problem names.
const MOST_ERRORS: usize = 50;

/// Says that goods of an order came back.
///
/// 202 means that this is durable. They are priced as the order was. With an `Idempotency-Key` the
/// same key, order and body are the same return for ever; without one each request is another.
/// In all, no more comes back than was ordered; that is sure of returns that the order history knows,
/// and not of two at the same time.
#[utoipa::path(
    post, path = "/orders/{id}/returns", tag = "orders",
    security(("api_key" = []), ("bearer" = [])),
    request_body(content = crate::ReturnRequest, description = "At most 16 KiB."),
    params(
        ("id" = String, Path, description = "The order's id."),
        ("Idempotency-Key" = Option<String>, Header,
         description = "1 to 255 visible ASCII characters, bare or quoted."),
    ),
    responses(
        (status = 202, description = "Written and acknowledged.", body = ReturnAccepted,
         headers(("Location" = String, description = "Where the order can be looked up."))),
        (status = 404, description = "No such order, or not yet.", headers(
            ("Retry-After" = u32, description = "Seconds after which it may be known.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The order isn't completed.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "More than was ordered and didn't come back yet, or not understood. \
                                      Nothing was written.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Unknown: try again with the same Idempotency-Key and body. Or \
                                      the history service didn't answer in time: nothing was written.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        Refusals,
    )
)]
pub(super) async fn return_goods(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    body::must_be_json(request.headers())?;
    let asked = about_order::read(&service, caller, id, request).await?;
    let goods = order::returned(&asked.body)?;
    let sold = sold(&service, &asked).await?;
    let (return_id, event_id) = ids(&asked, &goods);
    let lines = match sold.returns.iter().find(|known| known.return_id == return_id) {
        // Asked for again: it is said as it was, whatever came back since.
        Some(said) => said.lines.iter().map(|line| left::returned(line, line.quantity)).collect(),
        None => lines(&asked.order_id, &sold, &goods)?,
    };
    let event = returned(return_id, &asked.order_id, &sold, lines, goods.reason)?;
    let meta = Meta { id: event_id, ..asked.meta.clone() };
    let receipt = service.placing.say(&event, &asked.order_id, &meta, asked.deadline).await?;
    let accepted = ReturnAccepted {
        return_id: event.order_id,
        order_id: asked.order_id.clone(),
        receipt: OrderReceipt::of(&receipt),
    };
    Ok(about_order::accept(&asked.order_id, accepted))
}

/// The order, as history has it, once goods of it can come back.
async fn sold(service: &Service, asked: &Asked) -> Result<OrderDetails, Problem> {
    let sold = about_order::known(service, asked).await?;
    if !sold.timeline.iter().any(|entry| entry.r#type == COMPLETED) {
        let status: String = sold.status.chars().take(32).flat_map(char::escape_default).collect();
        let detail = format!("The order is {status}: goods come back only once it is completed.");
        return Err(Problem::new(Kind::OrderNotCompleted, detail).about(&asked.order_id));
    }
    Ok(sold)
}

/// Of the return and of its event: the same for the same key, order and body.
fn ids(asked: &Asked, goods: &Return) -> (String, EventId) {
    let Some(key) = &asked.key else {
        return (uuid::Uuid::now_v7().to_string(), EventId::new());
    };
    let hash = goods.hash();
    let derive = |what: &str| {
        let (caller, order_id) = (asked.caller.as_str(), asked.order_id.as_str());
        EventId::derived(&["order-api", what, caller, order_id, key.as_str(), &hash])
    };
    (derive("return").to_string(), derive("OrderReturned"))
}

/// What comes back, line by line; or why it can't.
fn lines(order_id: &str, sold: &OrderDetails, goods: &Return) -> Result<Vec<OrderLine>, Problem> {
    let (mut left, mut lines, mut errors) = (Left::of(sold), Vec::new(), Vec::new());
    for (number, (sku, quantity)) in goods.lines.iter().enumerate() {
        let back = left.take_back(sku, *quantity);
        let taken: i32 = back.iter().map(|line| line.quantity).sum();
        if taken < *quantity && errors.len() < MOST_ERRORS {
            errors.push(too_many(sold, number, sku, taken));
        }
        lines.extend(back);
    }
    if !errors.is_empty() {
        let detail = "Only what was ordered can come back, and only once. Nothing was written.";
        return Err(Problem::new(Kind::InvalidBody, detail).about(order_id).with_errors(errors));
    }
    Ok(lines)
}

/// What is wrong with a line of which only so many pieces were left.
fn too_many(sold: &OrderDetails, number: usize, sku: &str, left: i32) -> FieldProblem {
    let of_it = sold.lines.iter().filter(|line| line.sku == sku);
    let ordered: i64 = of_it.map(|line| i64::from(line.quantity)).sum();
    let (field, message) = if ordered == 0 {
        ("sku", "isn't in the order".to_owned())
    } else if i64::from(left) == ordered {
        ("quantity", format!("is more than was ordered, which is {ordered}"))
    } else {
        let rest = "the others came back already";
        ("quantity", format!("is more than is left, which is {left} of {ordered}: {rest}"))
    };
    FieldProblem { field: format!("lines[{number}].{field}"), message }
}

fn returned(
    return_id: String,
    order_id: &str,
    sold: &OrderDetails,
    lines: Vec<OrderLine>,
    reason: Option<String>,
) -> Result<OrderReturned, Problem> {
    let unusable = || {
        let why = "an order with amounts that no event can carry";
        show_order::problem(&HistoryError::Unusable(why.to_owned())).about(order_id)
    };
    Ok(OrderReturned {
        order_id: return_id,
        original_order_id: Some(order_id.to_owned()),
        user_id: sold.user_id.clone(),
        currency: sold.currency.clone(),
        total: order::total(&lines).ok_or_else(unusable)?,
        lines,
        reason,
    })
}
