//! Nothing that the service says or logs holds a contact.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{EMAIL, Shop, Wishes, order_with_contact};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_mail_address_is_in_no_answer_and_in_no_log() {
    let log = Log::default();
    let filter = "order_api=trace,orderly_sdk=trace,orderly_stores=trace,axum=trace,info";
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).init();
    let delivery = Some(Duration::from_millis(1_500));
    let wishes = Wishes { delivery, largest_message: Some(1_200), ..Wishes::default() };
    let shop = Shop::open_with(wishes).await;
    let good = order_with_contact();
    let mut large = good.clone();
    large["lines"] = json!(vec![large["lines"][0].clone(); 200]);
    let mut invalid = good.clone();
    invalid["contact"]["email"] = json!(format!("{EMAIL} and more"));
    let mut misplaced = good.clone();
    misplaced["contact"] = json!(EMAIL);

    let mut answers = Vec::new();
    for body in [&good, &large, &invalid, &misplaced] {
        answers.push(shop.post(body).await);
        answers.push(shop.post_with_key("k", body).await);
    }
    shop.broker.go_down().unwrap();
    answers.push(shop.post(&good).await);
    answers.push(shop.post_with_key("k2", &good).await);

    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [202, 202, 413, 422, 422, 422, 422, 422, 503, 503]);
    for answer in answers {
        assert!(!format!("{answer:?}").contains(EMAIL), "{answer:?}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("was not written"), "{log}");
    assert!(!log.contains(EMAIL), "{log}");
}
