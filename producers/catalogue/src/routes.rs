//! Every route there is.

mod count_stock;
mod healthz;
mod list_products;
mod put_product;
mod remove_product;
mod show_openapi;
mod show_product;
mod show_stock;
mod turn_away;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use orderly_sdk::codec::Encoders;
use orderly_stores::Database;
use orderly_web::{Problem, guards};
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{problem::Kind, settings::Settings};

/// What routes work with.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) database: Database,
    /// Not there before the service is ready.
    pub(crate) encoders: Arc<OnceLock<Encoders>>,
}

impl Service {
    fn encoders(&self) -> Result<&Encoders, Problem<Kind>> {
        self.encoders.get().ok_or_else(Problem::starting)
    }
}

pub(crate) fn router(service: Service, settings: &Settings) -> Router {
    let room = Arc::new(Semaphore::new(settings.most_requests));
    let catalogue = catalogue()
        .layer(from_fn(turn_away::when_too_slow))
        .layer(from_fn_with_state(service.clone(), turn_away::before_ready))
        .layer(from_fn(turn_away::who_may_only_read))
        .layer(from_fn_with_state(settings.keys.clone(), guards::authenticate))
        .layer(from_fn_with_state(room, guards::limit_requests));
    let (router, _) = catalogue.merge(operations()).split_for_parts();
    router
        .fallback(guards::no_such_route)
        .method_not_allowed_fallback(guards::method_not_allowed)
        .layer(guards::catch_panics())
        .layer(from_fn(guards::limit_headers))
        .layer(from_fn(guards::measure))
        .with_state(service)
}

/// What the service is there for.
fn catalogue() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(list_products::list_products))
        .routes(routes!(
            put_product::put_product,
            show_product::show_product,
            remove_product::remove_product
        ))
        .routes(routes!(count_stock::count_stock, show_stock::show_stock))
}

/// What is for those who run it; answered also when there is too much to do. Readiness and metrics
/// have an address of their own.
fn operations() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(healthz::healthz))
        .routes(routes!(show_openapi::show_openapi))
}

/// The API's description, generated from the code.
pub fn openapi_json() -> String {
    let (_, api) = catalogue().merge(operations()).split_for_parts();
    let text = serde_json::to_string_pretty(&api).unwrap_or_default();
    text + "\n"
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Orderly catalogue",
    description = "Keeps the products and what was counted of them, and tells every change on the \
                   topics `catalogue` and `stock`. Errors are problems by RFC 9457 and name the \
                   fields that are wrong.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Api;
