//! orderly-testkit
