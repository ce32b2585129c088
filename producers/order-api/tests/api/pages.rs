//! The pages as files: what is sent with them. What they do is tested in a browser (tests/stories).

use std::collections::BTreeSet;

use crate::harness::{Answer, Shop};

/// What a page names by a path of ours.
fn links(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    let of_page = |path: &&str| path.starts_with("/assets/") && !path.contains(' ');
    let mut links: BTreeSet<String> = quoted.filter(of_page).map(str::to_owned).collect();
    let imports = text.lines().filter_map(|line| line.split_once("from \"./")?.1.split('"').next());
    links.extend(imports.map(|file| format!("/assets/{file}")));
    links
}

async fn page(shop: &Shop, path: &str, kind: &str) -> Answer {
    let page = shop.get(path).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some(kind)), "{path}");
    page
}

#[tokio::test]
async fn all_that_a_page_is_made_of_is_there_with_its_type_and_nothing_else_may_run() {
    let shop = Shop::open().await;
    let mut left: BTreeSet<String> = ["/", "/kitchen"].map(str::to_owned).into();
    let mut seen = BTreeSet::new();
    while let Some(path) = left.pop_first() {
        let kind = match path.rsplit_once('.').map(|(_, end)| end) {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        let page = page(&shop, &path, kind).await;
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        // Nothing inline, and nothing from elsewhere.
        for wrong in ["<style", " style=", " onclick", "innerHTML", "://"] {
            let at = page.body.find(wrong).filter(|_| kind != "image/svg+xml");
            assert_eq!(at.map(|at| &page.body[at..][..40]), None, "{path}");
        }
        let scripts = page.body.matches("<script").count();
        assert_eq!(page.body.matches("<script type=\"module\" src=").count(), scripts, "{path}");
        seen.insert(path);
        left.extend(links(&page.body).difference(&seen).cloned());
    }
    assert!(seen.len() > 15, "{seen:?}");
    shop.get("/assets/nothing.js").await.problem(404, "no-such-route");
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let shop = Shop::open().await;
    let page = shop.get("/").await;
    let tag = page.header("etag").unwrap();
    for (known, status) in [(tag, 304), ("\"another\"", 200), ("nonsense", 200)] {
        let request = shop.http.get(format!("{}/", shop.url)).header("If-None-Match", known);
        let again = shop.send(request).await;
        assert_eq!(again.status, status, "{known}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(again.body.is_empty(), status == 304);
    }
    let posted = shop.post_to("/", None).await;
    posted.problem(405, "method-not-allowed");
}
