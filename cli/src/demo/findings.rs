//! What a proof found wrong, with the order it was found on. The texts are bounded, the counts
//! aren't.

use serde::Serialize;

/// Texts kept of each kind.
const MOST_SHOWN: usize = 20;

/// What was found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Missing somewhere.
    pub lost: u64,
    /// There a second time, under another event id or as a second effect.
    pub duplicated: u64,
    /// Overtaken by a later one of its order.
    pub out_of_order: u64,
    /// The first of each kind.
    pub shown: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which kind.
    pub kind: Kind,
    /// The order.
    pub order_id: String,
    /// What is wrong with it.
    pub what: String,
}

/// The kinds of wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Missing somewhere.
    Lost,
    /// There a second time.
    Duplicated,
    /// Overtaken.
    OutOfOrder,
}

impl Findings {
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.lost + self.duplicated + self.out_of_order == 0
    }

    pub(super) fn add(&mut self, kind: Kind, order_id: &str, what: impl Into<String>) {
        let count = match kind {
            Kind::Lost => &mut self.lost,
            Kind::Duplicated => &mut self.duplicated,
            Kind::OutOfOrder => &mut self.out_of_order,
        };
        *count += 1;
        if *count <= MOST_SHOWN as u64 {
            let (order_id, what) = (order_id.to_owned(), what.into());
            self.shown.push(Finding { kind, order_id, what });
        }
    }
}
