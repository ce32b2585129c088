//! What a record may cost, recorded.

/// Instructions and allocations of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

pub(crate) struct Budget {
    /// As [`cases::run`](crate::cases::run) knows it.
    pub(crate) case: &'static str,
    /// A release build's, as measured, and a tenth more; for `trip`, in which threads wait for each
    /// other, a quarter more.
    pub(crate) most: Cost,
}

// The second version of OrderPlaced has more to write and to read than the first: a category for each
// line, coupons, a payment token and the caller.
pub(crate) const BUDGET: &[Budget] = &[
    Budget { case: "decide", most: Cost { instructions: 2_740.0, allocations: 3.7 } },
    Budget { case: "encode", most: Cost { instructions: 32_100.0, allocations: 25.3 } },
    Budget { case: "decode", most: Cost { instructions: 22_100.0, allocations: 18.7 } },
    Budget { case: "trip", most: Cost { instructions: 130_000.0, allocations: 90.0 } },
];
