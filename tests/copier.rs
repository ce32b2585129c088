//! A member of a group that copies exactly once (`copying/member.rs`).

#[tokio::main]
async fn main() {
    orderly_tests::copying::member::run().await;
}
