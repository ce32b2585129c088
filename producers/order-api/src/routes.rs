//! Every route there is.

mod about_order;
mod body;
mod cancel_order;
mod collect_order;
mod follow_kitchen;
mod follow_order;
mod healthz;
mod list_notifications;
mod list_user_orders;
mod metrics;
mod place_order;
mod readyz;
mod refusals;
mod return_goods;
mod show_kitchen;
mod show_menu;
mod show_openapi;
mod show_order;

use std::sync::Arc;

use axum::{Router, middleware::from_fn, middleware::from_fn_with_state};
use orderly_web::guards;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cache::OrderCache, history::History, menu::Menu, notifications::Notifications, pages,
    placing::Placing, settings::Settings,
};

/// What routes work with.
pub(crate) struct Service {
    pub(crate) placing: Placing,
    pub(crate) history: History,
    pub(crate) cache: OrderCache,
    /// `None`: nobody told where it is.
    pub(crate) notifications: Option<Notifications>,
    /// `None`: prices come with the orders.
    pub(crate) menu: Option<Menu>,
    pub(crate) settings: Settings,
    pub(crate) shutdown: CancellationToken,
}

pub(crate) fn router(service: Arc<Service>, room: Arc<Semaphore>) -> Router {
    let known = from_fn_with_state(service.settings.keys.clone(), guards::authenticate);
    let orders = orders().layer(known).layer(from_fn_with_state(room, guards::limit_requests));
    let (router, _) = orders.merge(operations()).split_for_parts();
    router
        .merge(pages::routes())
        .fallback(guards::no_such_route)
        .method_not_allowed_fallback(guards::method_not_allowed)
        .layer(guards::catch_panics())
        .layer(from_fn(guards::limit_headers))
        .layer(from_fn(guards::measure))
        .with_state(service)
}

/// What the service is there for.
fn orders() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(place_order::place_order))
        .routes(routes!(show_order::show_order))
        .routes(routes!(follow_order::follow_order))
        .routes(routes!(follow_kitchen::follow_kitchen))
        .routes(routes!(cancel_order::cancel_order))
        .routes(routes!(collect_order::collect_order))
        .routes(routes!(return_goods::return_goods))
        .routes(routes!(list_notifications::list_notifications))
        .routes(routes!(list_user_orders::list_user_orders))
        .routes(routes!(show_menu::show_menu))
        .routes(routes!(show_kitchen::show_kitchen))
}

/// What is for those who run it; answered also when there is too much to do.
fn operations() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(healthz::healthz))
        .routes(routes!(readyz::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(show_openapi::show_openapi))
}

/// The API's description, generated from the code.
pub fn openapi_json() -> String {
    let (_, api) = orders().merge(operations()).split_for_parts();
    let text = serde_json::to_string_pretty(&api).unwrap_or_default();
    text + "\n"
}

#[derive(OpenApi)]
#[openapi(modifiers(&ApiKeys), info(
    title = "Orderly order API",
    description = "Takes orders and tells what became of them.\n\nAn order is answered with one of \
                   three outcomes: accepted (202: written, acknowledged by all in-sync replicas), \
                   surely not written (4xx, 503), or unknown (504). Errors are problems by \
                   RFC 9457 and name the fields that are wrong.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Api;

/// How callers say who they are.
struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Api-Key")));
        components.add_security_scheme("api_key", key);
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", bearer);
    }
}
