//! Every route there is.

mod delete_user;
mod healthz;
mod put_user;
mod show_openapi;
mod show_user;
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
    let users = users()
        .layer(from_fn(turn_away::when_too_slow))
        .layer(from_fn_with_state(service.clone(), turn_away::before_ready))
        .layer(from_fn(turn_away::who_is_no_operator))
        .layer(from_fn_with_state(settings.keys.clone(), guards::authenticate))
        .layer(from_fn_with_state(room, guards::limit_requests));
    let (router, _) = users.merge(operations()).split_for_parts();
    router
        .fallback(guards::no_such_route)
        .method_not_allowed_fallback(guards::method_not_allowed)
        .layer(guards::catch_panics())
        .layer(from_fn(guards::limit_headers))
        .layer(from_fn(guards::measure))
        .with_state(service)
}

/// What the service is there for.
fn users() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(Api::openapi()).routes(routes!(
        put_user::put_user,
        show_user::show_user,
        delete_user::delete_user
    ))
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
    let (_, api) = users().merge(operations()).split_for_parts();
    let text = serde_json::to_string_pretty(&api).unwrap_or_default();
    text + "\n"
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Orderly users",
    description = "Keeps who the users are, tells every change on the topic `users`, and deletes \
                   them: also how they were to be reached about their orders. Errors are problems \
                   by RFC 9457 and name the fields that are wrong, never what was in them.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Api;
