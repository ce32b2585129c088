//! What came of one attempt.

use std::time::Duration;

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken. With what the other side calls it, if that says anything.
    Sent(Option<String>),
    /// It never will be.
    Failed {
        /// Why, for those who may know where it went.
        answer: String,
        /// Why, without anything personal.
        detail: String,
        /// Nothing more is to go there.
        is_gone: bool,
    },
    /// It may be taken later.
    Again(Again),
}

/// That it may be taken later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    /// Why not now.
    pub(crate) answer: String,
    /// When it is tried again.
    pub(crate) wait: Wait,
    /// The other side is away, whatever it is asked: others are spared the same wait.
    pub(crate) is_away: bool,
}

/// When a delivery is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// As soon as the other side is there again.
    UntilBack,
    /// Not before so long, and while it is put off for no longer than the second. `None`: at the pace
    /// of the channel.
    PutOff(Option<Duration>, Duration),
    /// By the schedule of webhooks, or after what the other side asked for if that is longer.
    Scheduled(Option<Duration>),
}

/// What an attempt says of the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It answers, whatever it says.
    Answer,
    /// It doesn't, and why that is thought.
    Nothing(String),
    /// Nobody asked there.
    NotAsked,
}

impl Outcome {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        let answer = why.into();
        Self::Failed { detail: answer.clone(), answer, is_gone: false }
    }
}
