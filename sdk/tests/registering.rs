use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use orderly_sdk::{
    Event as _, UnknownSchemas,
    codec::{Encoders, RegisterError, Registry, RegistryError},
    emit::EmitSettings,
};

use crate::parts::{Greeted, Parts, greeted};

#[tokio::test(flavor = "multi_thread")]
async fn a_404_seen_once_does_not_poison_an_id() {
    let parts = Parts::start(1).await;
    let registry = Registry::new(&parts.config).unwrap();
    let early = registry.schema(1).await;
    assert!(matches!(early, Err(RegistryError::NotFound { .. })));

    parts.encoders("test").await; // registers ids 1 and 2

    let deadline = Instant::now() + Duration::from_secs(15);
    let schema = loop {
        match registry.schema(1).await {
            Ok(schema) => break schema,
            Err(error) => assert!(Instant::now() < deadline, "poisoned: {error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(schema.name(), Greeted::TYPE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_goes_down_after_start_delays_nobody() {
    let mut parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let registry = Registry::new(&parts.config).unwrap();
    let seen = registry.schema(1).await.unwrap();
    parts.registry.go_down().await;

    let started = Instant::now();
    for number in 0..100 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    assert!(Arc::ptr_eq(&seen, &registry.schema(1).await.unwrap()));
    assert!(started.elapsed() < Duration::from_secs(30), "took {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_registry_at_start_is_a_clear_error_within_the_timeout() {
    let mut parts = Parts::start(1).await;
    parts.registry.go_down().await;
    let mut config = parts.config.clone();
    config.connect_timeout = Duration::from_millis(500);
    let registry = Registry::new(&config).unwrap();
    let started = Instant::now();
    let error = Encoders::of("test").event::<Greeted>().register(&config, &registry).await;
    assert!(started.elapsed() < Duration::from_secs(30));
    let Err(RegisterError::Registry { source: RegistryError::Unavailable(why), .. }) = error else {
        panic!("not unavailable");
    };
    assert!(why.message.contains(&config.registry), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_may_not_register_refuses_to_start_with_an_unknown_schema() {
    let parts = Parts::start(1).await;
    let mut config = parts.config.clone();
    config.unknown_schemas = UnknownSchemas::Refuse;
    let registry = Registry::new(&config).unwrap();
    let declared = || Encoders::of("test").event::<Greeted>();
    let Err(error) = declared().register(&config, &registry).await else { panic!("it started") };
    let is_named = matches!(
        &error,
        RegisterError::Registry { event: "test.Greeted", source: RegistryError::NotFound { .. } }
    );
    assert!(is_named, "{error:?}");

    parts.encoders("somebody who may").await;
    declared().register(&config, &registry).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incompatible_schema_is_refused_by_name() {
    let parts = Parts::start(1).await;
    let registry = Registry::new(&parts.config).unwrap();
    let other = r#"{"type":"record","name":"Greeted","namespace":"test",
        "fields":[{"name":"mandatory","type":"long"}]}"#;
    let register = async |schema| {
        let deadline = Instant::now() + Duration::from_secs(5);
        registry.id_of("greetings", Greeted::TYPE, schema, UnknownSchemas::Register, deadline).await
    };
    register(Greeted::SCHEMA).await.unwrap();
    let error = register(other).await.unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible { .. }), "{error}");
    assert!(error.to_string().contains("greetings-test.Greeted"), "{error}");
}
