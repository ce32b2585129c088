use std::time::Duration;

/// What following live is bounded by.
#[derive(Clone, Debug)]
pub struct LiveBounds {
    /// Streams of orders open at once; one more is answered 503.
    pub most_streams: usize,
    /// How many of them may follow the same order.
    pub most_of_one_order: usize,
    /// Streams of the kitchen's open at once: whoever follows orders takes them no room.
    pub most_kitchen_streams: usize,
    /// Events of its order that wait for a stream to take them. One more and it is cut off.
    pub order_buffer: usize,
    /// The same of a stream of the kitchen's.
    pub kitchen_buffer: usize,
    /// A stream with nothing to say says so this often.
    pub heartbeat: Duration,
    /// After this a stream ends, and who goes on is looked at anew: a key may have been revoked.
    pub longest: Duration,
    /// How long an order is waited for that isn't known yet, where the request doesn't say.
    pub patience: Duration,
    /// What is read for nobody any more is read for this long.
    pub idle: Duration,
}

impl Default for LiveBounds {
    fn default() -> Self {
        Self {
            most_streams: 5_000,
            most_of_one_order: 100,
            most_kitchen_streams: 64,
            order_buffer: 64,
            kitchen_buffer: 1_024,
            heartbeat: Duration::from_secs(15),
            longest: Duration::from_secs(60 * 60),
            patience: Duration::from_secs(5),
            idle: Duration::from_secs(30),
        }
    }
}
