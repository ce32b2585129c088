//! What the history service would answer, as a test says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

#[derive(Clone)]
pub(crate) struct StubHistory {
    url: String,
    told: Arc<Mutex<HashMap<String, Told>>>,
    asked: watch::Sender<Vec<String>>,
}

#[derive(Clone)]
enum Told {
    Answer(u16, String),
    Nothing,
}

impl StubHistory {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub = Self { url, told: Arc::default(), asked: watch::Sender::new(Vec::new()) };
        let app = Router::new().fallback(answer).with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        stub
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// From now on a path, with its query, is answered like this.
    pub(crate) fn tell(&self, path: &str, status: u16, body: &Value) {
        self.tell_text(path, status, &body.to_string());
    }

    pub(crate) fn tell_text(&self, path: &str, status: u16, body: &str) {
        let told = Told::Answer(status, body.to_owned());
        self.told.lock().unwrap().insert(path.to_owned(), told);
    }

    /// From now on a path is never answered.
    pub(crate) fn hang(&self, path: &str) {
        self.told.lock().unwrap().insert(path.to_owned(), Told::Nothing);
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Waits until this many questions came.
    pub(crate) async fn asked_times(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        asked.wait_for(|asked| asked.len() >= count).await.unwrap();
    }
}

async fn answer(State(stub): State<StubHistory>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    stub.asked.send_modify(|asked| asked.push(path.clone()));
    let told = stub.told.lock().unwrap().get(&path).cloned();
    match told {
        Some(Told::Answer(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Some(Told::Nothing) => std::future::pending().await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) fn order_json(id: &str) -> Value {
    json!({
        "order_id": id, "user_id": "ada", "status": "in_progress", "stage": "bake",
        "waiting": { "for": "stage", "stage": "bake", "station": 2, "since": "2026-11-20T12:00:01Z",
            "due_at": "2026-11-20T12:10:01Z" },
        "currency": "GBP", "total": "18.00", "placed_at": "2026-11-20T12:00:00Z",
        "historic": false,
        "lines": [
            { "sku": "margherita", "name": "Margherita", "quantity": 2, "unit_price": "8.5000" },
        ],
        "timeline": [
            { "type": "OrderPlaced", "at": "2026-11-20T12:00:00Z", "event_id": "e1" },
            { "type": "StageStarted", "at": "2026-11-20T12:00:01Z", "event_id": "e2",
              "sequence": 2, "stage": "bake", "station": 2, "due_at": "2026-11-20T12:10:01Z" },
        ],
    })
}

/// The same, once the customer has it.
pub(crate) fn completed_json(id: &str) -> Value {
    let mut order = order_json(id);
    order["status"] = json!("completed");
    let completed = json!({
        "type": "OrderCompleted", "at": "2026-11-20T13:00:00Z", "event_id": "e9", "sequence": 9,
    });
    order["timeline"].as_array_mut().unwrap().push(completed);
    order
}
