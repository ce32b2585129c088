//! The page and what stands beside it.

use std::{io, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use orderly_schemas::{Channel, DeliveryOutcome};
use orderly_stores::StoreError;
use orderly_web::{Bounds, serve_until};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Mailbox, page};
use crate::show_deliveries::show_deliveries;

/// Mails on the page and in the JSON.
const SHOWN: u32 = 100;
/// How long requests may go on after shutdown.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves `/healthz`, each order's deliveries, and the page where the mailbox is to be shown, until
/// `shutdown`.
pub(crate) async fn serve(
    listener: TcpListener,
    mailbox: Mailbox,
    is_shown: bool,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let mut routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/orders/{id}/notifications", get(show_deliveries))
        .with_state(mailbox.database.clone());
    if is_shown {
        let pages = Router::new()
            .route("/mailbox", get(show_page))
            .route("/mailbox.json", get(show_json))
            .route("/sms.json", get(show_texts))
            .route("/mailbox.css", get(show_style))
            .with_state(mailbox);
        routes = routes.merge(pages);
    }
    let bounds = Bounds { grace: FAREWELL, ..Bounds::default() };
    serve_until(listener, routes, &bounds, &shutdown).await
}

#[derive(Deserialize)]
struct Which {
    order_id: Option<String>,
}

impl Which {
    /// An empty field of the page's form asks for all.
    fn order_id(&self) -> Option<&str> {
        self.order_id.as_deref().map(str::trim).filter(|id| !id.is_empty())
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn show_page(
    State(mailbox): State<Mailbox>,
    Query(which): Query<Which>,
) -> Result<Response, Away> {
    let mails = mailbox.newest(Channel::Email, which.order_id(), SHOWN).await?;
    let sent = mailbox.count(Channel::Email, DeliveryOutcome::Sent).await?;
    let page = page::write(&mails, sent, which.order_id());
    Ok((PRIVATE, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response())
}

async fn show_json(
    State(mailbox): State<Mailbox>,
    Query(which): Query<Which>,
) -> Result<Response, Away> {
    let mails = mailbox.newest(Channel::Email, which.order_id(), SHOWN).await?;
    Ok((PRIVATE, Json(mails)).into_response())
}

async fn show_texts(
    State(mailbox): State<Mailbox>,
    Query(which): Query<Which>,
) -> Result<Response, Away> {
    let texts = mailbox.newest(Channel::Sms, which.order_id(), SHOWN).await?;
    Ok((PRIVATE, Json(texts)).into_response())
}

async fn show_style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)
}

/// Nothing runs, nothing is loaded but the page's own style, nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
const PRIVATE: [(header::HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The database doesn't answer.
struct Away(StoreError);

impl From<StoreError> for Away {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Away {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "the mailbox can't be read");
        (StatusCode::SERVICE_UNAVAILABLE, "the mailbox can't be read; try again\n").into_response()
    }
}
