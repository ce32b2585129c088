//! What an order comes to after promotions: rules from a YAML file, a basket, and what is given.
//!
//! Pure: no file, no clock, no network. The same rules and the same basket give the same price, in
//! whatever order its lines stand.
//!
//! - [`Rules`]: read from text and checked whole; the first thing wrong is told with its place.
//!   `promotions.example.yaml` beside this crate has one of each kind, with what may be written.
//! - [`price`]: what a [`Basket`] comes to, or which coupon can't be taken and why, fit to be shown to
//!   the customer.
//!
//! What may surprise:
//! - A promotion applies whenever it can; one with a `coupon` only where that was given.
//! - Promotions stack in the order of the file, each on what the ones before it left. An exclusive one
//!   stands alone: the customer gets it, or the others together, whichever saves more. Where both save
//!   the same, what uses fewer coupons is given.
//! - Each amount given is rounded once, half away from zero. It is never more than what is left of the
//!   order; where only some of the order is meant, never more than what is left of that, unrounded.
//!   So of a single line of 0.335 that is free by its sku, 0.33 are given and 0.01 is to be paid.
//! - A promotion with a `currency` is for orders in that currency only, and one that names an amount has
//!   to have one: nothing is ever converted. Without its coupon it is passed over in other currencies;
//!   with it, the coupon is refused.
//! - Lines without a positive quantity or price count for nothing. The total is the caller's: it is what
//!   is to be paid where nothing is given.

mod rules;

mod nearest;
mod read_rules;

mod basket;
mod fits;

mod left;
mod price;

pub use basket::{Basket, Line};
pub use fits::{Misfit, NoSuchCoupon};
pub use price::{Given, Priced, price};
pub use rules::{Rules, RulesError, canonical};
