use std::fs;

use orderly_web::{ApiKeys, NewKey};

use super::{LiveShop, LiveWishes, Reader, shop::placed};

#[tokio::test(flavor = "multi_thread")]
async fn who_placed_an_order_follows_it_and_so_do_operators_and_nobody_else() {
    let [ada, bob, office] = [(); 3].map(|()| NewKey::random().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let entry = |name: &str, role: &str, key: &NewKey| {
        format!("- {{ caller: {name}, role: {role}, key_sha256: [{}] }}\n", key.sha256())
    };
    let known = [
        entry("ada", "caller", &ada),
        entry("bob", "caller", &bob),
        entry("office", "operator", &office),
    ];
    fs::write(file.path(), known.concat()).unwrap();
    let keys = ApiKeys::load(file.path()).unwrap();
    let shop = LiveShop::open_with(LiveWishes { keys, ..Default::default() }).await;
    let id = shop.emit(&placed("o-1", Some("ada"))).await;
    let ask = async |key: Option<&NewKey>, path: &str| {
        let mut request = shop.request(0, path).header("Prefer", "wait=1");
        if let Some(key) = key {
            request = request.bearer_auth(key.reveal());
        }
        request.send().await.unwrap()
    };

    for key in [&ada, &office] {
        let mut stream = Reader::of(ask(Some(key), "/orders/o-1/events").await);
        assert_eq!(stream.event().await.unwrap().event_id(), id);
    }
    let others = ask(Some(&bob), "/orders/o-1/events").await;
    let nothing = ask(Some(&bob), "/orders/o-2/events").await;
    assert_eq!(
        (others.status(), nothing.status()),
        (404.try_into().unwrap(), 404.try_into().unwrap())
    );
    let (others, nothing) = (others.text().await.unwrap(), nothing.text().await.unwrap());
    assert_eq!(others.replace("o-1", "o-2"), nothing);
    assert_eq!(ask(None, "/orders/o-1/events").await.status(), 401);

    assert_eq!(ask(Some(&ada), "/kitchen/events").await.status(), 403);
    assert_eq!(ask(None, "/kitchen/events").await.status(), 401);
    Reader::of(ask(Some(&office), "/kitchen/events").await);
}
