//! One question to the history service: bounded in time and size.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, redirect::Policy};
use serde::de::DeserializeOwned;

use crate::caller::Caller;

use super::{KitchenOrders, OrderDetails, OrderPage};

/// Bytes that an answer may have.
const LONGEST: usize = 4 * 1024 * 1024;

/// A client of the history service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct History {
    http: Client,
    base: Url,
    patience: Duration,
}

/// Why history can't answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error("{0}")]
    Address(String),
    #[error("history can't be reached: {0}")]
    Away(String),
    #[error("history didn't answer within {} ms", .0.as_millis())]
    Slow(Duration),
    #[error("history refuses the question")]
    Refused,
    #[error("history answered what can't be understood: {0}")]
    Unusable(String),
}

impl History {
    /// A client of `base`. Makes no call yet.
    pub(crate) fn new(base: &str, patience: Duration) -> Result<Self, HistoryError> {
        let invalid = |why: String| HistoryError::Address(format!("history's address: {why}"));
        let base = Url::parse(base).map_err(|error| invalid(error.to_string()))?;
        if base.scheme() != "http" || base.cannot_be_a_base() {
            return Err(invalid("it has to be an http:// URL".to_owned()));
        }
        let http = Client::builder()
            .connect_timeout(patience / 2)
            .timeout(patience)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self { http, base, patience })
    }

    /// What is known of an order; `None`: nothing yet, or nothing that the caller may see. `id` has
    /// the shape of an order's id.
    pub(crate) async fn order(
        &self,
        id: &str,
        caller: &Caller,
    ) -> Result<Option<OrderDetails>, HistoryError> {
        self.ask(self.url(&["orders", id], caller)).await
    }

    /// A page of those of a user's orders that the caller may see, newest first. `user` has the shape of a user's id.
    pub(crate) async fn orders_of(
        &self,
        user: &str,
        caller: &Caller,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<OrderPage, HistoryError> {
        let mut url = self.url(&["users", user, "orders"], caller);
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let page = self.ask(url).await?;
        // A user who never ordered has no orders, whichever way history says so.
        Ok(page.unwrap_or(OrderPage { orders: Vec::new(), next: None }))
    }

    /// What is in the kitchen: whoever's orders they are.
    pub(crate) async fn kitchen(&self) -> Result<KitchenOrders, HistoryError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["kitchen", "orders"]);
        }
        let none = || HistoryError::Unusable("it knows of no kitchen".to_owned());
        self.ask(url).await?.ok_or_else(none)
    }

    /// With whose orders alone are asked for.
    pub(super) fn url(&self, path: &[&str], caller: &Caller) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if let Some(name) = caller.sees_only() {
            url.query_pairs_mut().append_pair("caller", name);
        }
        url
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        url: Url,
    ) -> Result<Option<T>, HistoryError> {
        let response = self.http.get(url).send().await.map_err(|e| self.failed(&e))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::BAD_REQUEST => return Err(HistoryError::Refused),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(HistoryError::Away(format!("it answers {status}")));
            }
            status => return Err(HistoryError::Unusable(format!("status {status}"))),
        }
        let body = self.body(response).await?;
        let answer = serde_json::from_slice(&body);
        answer.map(Some).map_err(|error| HistoryError::Unusable(error.to_string()))
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, HistoryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(&e))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(HistoryError::Unusable(format!("more than {LONGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> HistoryError {
        if error.is_timeout() {
            return HistoryError::Slow(self.patience);
        }
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        HistoryError::Away(why)
    }
}
