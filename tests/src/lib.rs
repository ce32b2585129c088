//! orderly-tests
