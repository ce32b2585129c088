//! Who asks: an Idempotency-Key is theirs, and so is what they place.

pub(crate) use orderly_web::Caller;
