//! `GET /orders/{id}/notifications`: an order's deliveries and how they stand. For order-api, which knows
//! who may see them; where they go is shown only so far that a customer knows it again.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use orderly_schemas::Channel;
use orderly_stores::Database;
use serde::Serialize;

use crate::deliveries::{Delivery, State as Stands, channel_word};

/// Deliveries of one order that are shown.
const MOST: u32 = 1_000;

#[derive(Serialize)]
struct Deliveries {
    notifications: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    event_id: String,
    channel: &'static str,
    template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    state: &'static str,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
}

pub(crate) async fn show_deliveries(
    State(database): State<Database>,
    Path(order_id): Path<String>,
) -> Response {
    if order_id.contains('\0') {
        // Postgres has none in texts, and refuses to be asked.
        return Json(Deliveries { notifications: Vec::new() }).into_response();
    }
    match Delivery::of_order(&database, &order_id, MOST).await {
        Ok(deliveries) => {
            let notifications = deliveries.into_iter().map(shown).collect();
            Json(Deliveries { notifications }).into_response()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "deliveries can't be read");
            (StatusCode::SERVICE_UNAVAILABLE, "deliveries can't be read; try again\n")
                .into_response()
        }
    }
}

fn shown(delivery: Delivery) -> Shown {
    let destination = delivery.destination.as_deref();
    let destination = destination.map(|destination| masked(delivery.channel, destination));
    let answer = delivery.answer.map(|answer| match delivery.destination.as_deref() {
        // A server may repeat it.
        Some(whole) => answer.replace(whole, destination.as_deref().unwrap_or_default()),
        None => answer,
    });
    Shown {
        id: delivery.delivery_id,
        event_id: delivery.event_id,
        channel: channel_word(delivery.channel),
        template: delivery.template,
        destination,
        state: match delivery.state {
            Stands::Due => "due",
            Stands::Sent => "sent",
            Stands::Failed => "failed",
        },
        attempts: delivery.attempts,
        answer,
        at: delivery.at,
        next_try_at: delivery.due_at,
        ended_at: delivery.ended_at,
    }
}

/// `a…@example.com`, `+49…78`, `https://shop.example/…`.
fn masked(channel: Channel, destination: &str) -> String {
    let first = |text: &str, count: usize| text.chars().take(count).collect::<String>();
    match channel {
        Channel::Email => match destination.rsplit_once('@') {
            Some((name, host)) => format!("{}…@{host}", first(name, 1)),
            None => "…".to_owned(),
        },
        Channel::Sms => {
            let last: Vec<char> = destination.chars().rev().take(2).collect();
            let last: String = last.into_iter().rev().collect();
            format!("{}…{last}", first(destination, 3))
        }
        _ => {
            let uri = destination.parse::<http::Uri>().unwrap_or_default();
            let host = uri.host().unwrap_or_default();
            format!("{}://{host}/…", uri.scheme_str().unwrap_or("https"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_goes_is_shown_only_so_far_that_its_owner_knows_it_again() {
        for (channel, whole, shown) in [
            (Channel::Email, "ada@example.com", "a…@example.com"),
            (Channel::Email, "nothing", "…"),
            (Channel::Sms, "+4915112345678", "+49…78"),
            (
                Channel::Webhook,
                "https://u:p@shop.example:8443/hooks?key=secret",
                "https://shop.example/…",
            ),
        ] {
            assert_eq!(masked(channel, whole), shown);
        }
    }
}
