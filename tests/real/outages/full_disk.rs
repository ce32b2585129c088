//! Services on SQLite whose disk has no room left.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use orderly::{
    demo::{Demo, Site},
    platform::Databases,
};
use orderly_harness::need;
use orderly_stores::Database;
use orderly_tests::services::{RealParts, SERVICES, Services, binary};

use serde_json::json;

use super::stage::{Loaded, Stage, load, outage, says_away};

/// Room for all databases and their logs.
const SIZE: &str = "size=64m,mode=0777";
/// Who writes what comes of an order that is taken. The relay has nothing to write before fulfilment
/// could.
const WRITERS: [&str; 4] = ["order-api", "fulfilment", "history", "notifications"];

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_under_the_databases_is_waited_for() {
    let case = "disk full";
    let Some(disk) = SmallDisk::mount() else { return };
    let stage = need!(Stage::enter().await);
    let parts = &stage.parts;
    for service in SERVICES {
        stage.services.get(service).stop().await.unwrap();
    }
    {
        let services = start(parts, disk.path()).await;
        let demo = demo(parts, &services, disk.path()).await;
        let loaded = Loaded::begin(demo, &services).await;
        let filler = disk.fill();
        let full = Instant::now();
        take_without_keys(&services).await;
        for service in WRITERS {
            says_away(&services, service, "database").await;
            println!("{case}: {service} says so after {:?}", full.elapsed());
        }
        tokio::time::sleep_until((full + outage()).into()).await;
        fs::remove_file(filler).unwrap();
        loaded.end(case, parts, &services).await;
        for service in SERVICES {
            services.get(service).stop().await.unwrap();
        }
    }
    for service in SERVICES {
        stage.services.get(service).start_again().unwrap();
    }
    for service in SERVICES {
        stage.services.ready(service).await;
    }
    stage.leave();
}

/// Orders that order-api keeps nothing of, so that the others have something to write.
async fn take_without_keys(services: &Services) {
    let order = json!({
        "user_id": "keyless",
        "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
        "contact": { "email": "keyless@example.com" },
    });
    let (client, url) = (reqwest::Client::new(), services.url("order-api") + "/orders");
    for _ in 0..20 {
        let answer = client.post(&url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), 202, "it needs no database");
    }
}

/// Each on a file of its own, but the relay: it sends what fulfilment has to tell.
async fn start(parts: &RealParts, disk: &Path) -> Services {
    let mut services = Services { running: Default::default() };
    for service in SERVICES {
        let whose = if service == "outbox-relay" { "fulfilment" } else { service };
        let variables = [("DATABASE_URL".to_owned(), url(disk, whose))];
        services.add(service, service, parts, &binary(), &variables);
    }
    for service in SERVICES {
        services.ready(service).await;
    }
    services
}

async fn demo(parts: &RealParts, services: &Services, disk: &Path) -> Demo {
    let mut databases = Databases::shared(&url(disk, "history")).unwrap();
    databases.notifications = Database::open(&url(disk, "notifications")).unwrap();
    let site = Site::of_services(parts.config(), services.url("order-api"), databases).await;
    let stages: fulfilment::Stages = orderly_tests::services::STAGES.parse().unwrap();
    Demo::on(site.unwrap(), load(), stages.total()).await.unwrap()
}

fn url(disk: &Path, service: &str) -> String {
    format!("sqlite:{}", disk.join(service).with_extension("db").display())
}

/// A file system in memory. Unmounted with it.
struct SmallDisk {
    dir: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// As root, or as who may become it without a word; `None`, said by name, as anybody else.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = privileged("mount", &["-t", "tmpfs", "-o", SIZE, "orderly"], dir.path());
        if let Err(why) = mounted {
            let told = format!("a_disk_that_is_full_under_the_databases_is_waited_for: {why}");
            assert!(
                std::env::var_os("ORDERLY_REQUIRE_SERVICES").is_none_or(|v| v != "1"),
                "{told}"
            );
            eprintln!("not run: {told}");
            return None;
        }
        Some(Self { dir: Some(dir) })
    }

    fn path(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// Leaves no room; the file that takes it is to be removed.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 4096] {
            loop {
                match file.write_all(&vec![7; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let Some(dir) = self.dir.take() else { return };
        if let Err(why) = privileged("umount", &["--lazy"], dir.path()) {
            eprintln!("{}: {why}", dir.keep().display());
        }
    }
}

fn privileged(command: &str, args: &[&str], at: &Path) -> Result<(), String> {
    let mut why = String::new();
    for before in [&[][..], &["sudo", "-n"][..]] {
        let line: Vec<&str> = before.iter().chain(&[command]).chain(args).copied().collect();
        match Command::new(line[0]).args(&line[1..]).arg(at).output() {
            Ok(done) if done.status.success() => return Ok(()),
            Ok(done) => why = String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(error) => why = format!("{}: {error}", line[0]),
        }
    }
    Err(why)
}
