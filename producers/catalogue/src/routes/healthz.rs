/// The process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "Alive.", body = String))
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}
