//! Real parts for tests and benchmarks: Kafka, a schema registry, Postgres, Redis.
