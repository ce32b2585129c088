//! Nothing that the service says or logs holds a contact or an API key.

use std::{
    fs, io,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use order_api::Settings;
use orderly_web::{ApiKeys, NewKey};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{EMAIL, Shop, Wishes, order, order_with_contact};

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

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What all tests of this process log, from here on.
fn everything_logged() -> &'static Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let filter = "order_api=trace,orderly_web=trace,orderly_sdk=trace,orderly_stores=trace,\
                      axum=trace,tower_http=trace,info";
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).init();
        log
    });
    &LOG
}

#[tokio::test]
async fn a_key_is_in_no_answer_and_in_no_log() {
    let log = everything_logged();
    let [known, unknown] = [(); 2].map(|()| NewKey::random().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let entry = |rest: &str| format!("- {{ caller: ada, key_sha256: [{}] }}{rest}", known.sha256());
    fs::write(file.path(), entry("")).unwrap();
    let keys = ApiKeys::load(file.path()).unwrap();
    let given = keys.clone();
    let change = move |settings: &mut Settings| settings.keys = given;
    let shop = Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await;

    let mut answers = Vec::new();
    for key in [&known, &unknown] {
        answers.push(shop.send(shop.request(&order()).bearer_auth(key.reveal())).await);
        let twice = shop.request(&order()).header("X-Api-Key", key.reveal());
        answers.push(shop.send(twice.bearer_auth(key.reveal())).await);
        // A key where it doesn't belong.
        let rest = format!("\n- {{ caller: bob, key_sha256: [{}] }}", key.reveal());
        fs::write(file.path(), entry(&rest)).unwrap();
        keys.look_again().unwrap_err();
    }

    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [202, 400, 401, 400]);
    let seen = format!("{answers:?} {keys:?} {}", log.text());
    assert!(seen.contains("changed API keys can't be used"), "{seen}");
    for key in [&known, &unknown] {
        assert!(!seen.contains(&key.reveal()[3..]) && !seen.contains(&key.sha256()), "{seen}");
    }
}

#[tokio::test]
async fn a_mail_address_is_in_no_answer_and_in_no_log() {
    let log = everything_logged();
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
    let log = log.text();
    assert!(log.contains("was not written"), "{log}");
    assert!(!log.contains(EMAIL), "{log}");
}
