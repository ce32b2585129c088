//! The `orderly` command.
