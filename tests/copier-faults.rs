//! The same with bugs on purpose (`orderly_sdk::faults`).

#[tokio::main]
async fn main() {
    orderly_tests::copying::member::run().await;
}
