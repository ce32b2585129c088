//! Whoever waits for parts decides by one thing alone: `Unavailable` among an error's sources.

use std::error::Error;

use orderly_sdk::{
    away,
    codec::{RegisterError, RegistryError},
    consume::{ConsumeError, Unavailable},
    kafka::KafkaError,
};
use orderly_stores::StoreError;

fn unavailable(part: &'static str) -> Unavailable {
    Unavailable { part, message: "refused".into() }
}

fn store() -> StoreError {
    StoreError::Unavailable(unavailable("database"))
}

fn kafka() -> KafkaError {
    let source = unavailable("kafka");
    KafkaError::Unreachable { bootstrap: "b:9092".into(), seconds: 1, source }
}

fn registry() -> RegistryError {
    RegistryError::Unavailable(unavailable("registry"))
}

fn register() -> RegisterError {
    RegisterError::Registry { event: "orderly.OrderPlaced", source: registry() }
}

#[test]
fn every_services_error_says_which_part_is_away() {
    let cause = Some(unavailable("database"));
    let of_parts: [(&str, Vec<Box<dyn Error>>); 3] = [
        (
            "database",
            vec![
                store().into(),
                StoreError::Over { why: "it failed before".into(), cause }.into(),
                fulfilment::FulfilmentError::from(store()).into(),
                catalogue::Error::from(store()).into(),
                users::Error::from(store()).into(),
                history::Error::from(store()).into(),
                notifications::Error::from(store()).into(),
                outbox_relay::RelayError::from(store()).into(),
                order_api::ServeError::Database(store()).into(),
            ],
        ),
        (
            "kafka",
            vec![
                kafka().into(),
                ConsumeError::from(kafka()).into(),
                fulfilment::FulfilmentError::from(ConsumeError::from(kafka())).into(),
                history::Error::from(ConsumeError::from(kafka())).into(),
                users::Error::from(ConsumeError::from(kafka())).into(),
                notifications::Error::from(kafka()).into(),
                notifications::Error::from(ConsumeError::from(kafka())).into(),
                outbox_relay::RelayError::from(kafka()).into(),
            ],
        ),
        (
            "registry",
            vec![
                registry().into(),
                register().into(),
                ConsumeError::from(registry()).into(),
                fulfilment::FulfilmentError::from(register()).into(),
                catalogue::Error::from(register()).into(),
                users::Error::from(register()).into(),
                history::Error::from(ConsumeError::from(registry())).into(),
                outbox_relay::RelayError::from(register()).into(),
            ],
        ),
    ];
    for (part, errors) in of_parts {
        for error in errors {
            assert_eq!(away(&*error).map(|away| away.part), Some(part), "{error:?}");
        }
    }
}

#[test]
fn what_waiting_does_not_mend_is_no_absence() {
    let errors: [Box<dyn Error>; 3] = [
        KafkaError::NoSuchTopic("orders".into()).into(),
        ConsumeError::from(KafkaError::Configuration("no such property".into())).into(),
        fulfilment::FulfilmentError::from(StoreError::Url("no scheme".into())).into(),
    ];
    for error in errors {
        assert!(away(&*error).is_none(), "{error:?}");
    }
}
