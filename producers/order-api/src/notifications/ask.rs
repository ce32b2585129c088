//! One question to the notification service: bounded in time and size.

use std::time::Duration;

use axum::http::{Request, StatusCode, Uri};
use orderly_https::{Answer, AskError, Bounds, Client, Trust};

use super::OrderNotifications;

/// Bytes that an answer may have.
const LONGEST: usize = 4 * 1024 * 1024;

/// A client of the notification service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Notifications {
    client: Client,
    base: String,
}

/// Why it can't answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotificationsError {
    #[error("the notification service's address: {0}")]
    Address(String),
    #[error("the notification service: {0}")]
    Away(String),
    #[error("the notification service answered what can't be understood: {0}")]
    Unusable(String),
}

impl Notifications {
    /// A client of `base`. Makes no call yet.
    pub(crate) fn new(base: &str, patience: Duration) -> Result<Self, NotificationsError> {
        let invalid = |why: &str| NotificationsError::Address(why.to_owned());
        let uri: Uri = base.parse().map_err(|_| invalid("it can't be read"))?;
        if uri.scheme_str() != Some("http") || uri.authority().is_none() || uri.query().is_some() {
            return Err(invalid("it has to be an http:// URL"));
        }
        let trust = Trust::with(None).map_err(|error| invalid(&error.to_string()))?;
        let bounds = Bounds { connect: patience / 2, whole: patience, bytes: LONGEST };
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { client: Client::new(&trust, bounds), base })
    }

    /// What was and will be sent about an order. `id` has the shape of an order's id.
    pub(crate) async fn of_order(
        &self,
        id: &str,
    ) -> Result<OrderNotifications, NotificationsError> {
        let request = Request::get(format!("{}/orders/{id}/notifications", self.base));
        let request = request.body(Vec::new());
        let request = request.map_err(|e| NotificationsError::Address(e.to_string()))?;
        let away = |error: AskError| NotificationsError::Away(error.to_string());
        let Answer { status, body, .. } = self.client.ask(request).await.map_err(away)?;
        match status {
            StatusCode::OK => {
                let read = serde_json::from_slice(&body.map_err(away)?);
                read.map_err(|error| NotificationsError::Unusable(error.to_string()))
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(NotificationsError::Away(format!("it answers {status}")))
            }
            status => Err(NotificationsError::Unusable(format!("status {status}"))),
        }
    }
}
