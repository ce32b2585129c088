//! fulfilment
