//! The answer to one record on its way: asked for by who sent it, given by the thread that hears the
//! client library. One allocation for both, which also travels through the library.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::producer::{Delivered, DeliveryError, Room};

/// Both ends of the answer to a record that has taken so much room.
pub(super) fn ask(room: Arc<Room>, kib: u32) -> (Asked, Answer) {
    let state = State::Asked(None);
    let asked = Arc::new(Question { room, kib, state: Mutex::new(state) });
    (Arc::clone(&asked), Answer(asked))
}

/// What travels with a record.
pub(super) type Asked = Arc<Question>;

pub(super) struct Question {
    room: Arc<Room>,
    kib: u32,
    state: Mutex<State>,
}

enum State {
    Asked(Option<Waker>),
    Answered(Result<Delivered, DeliveryError>),
    /// The answer was taken, or nobody waits for it any more.
    Over,
}

/// Resolves to what surely happened to a record.
#[must_use]
pub(crate) struct Answer(Arc<Question>);

impl Question {
    /// The record is answered, and leaves its room.
    pub(super) fn answer(&self, answer: Result<Delivered, DeliveryError>) {
        let mut state = self.state();
        match mem::replace(&mut *state, State::Over) {
            State::Asked(waker) => {
                *state = State::Answered(answer);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            State::Answered(_) | State::Over => {
                drop(state);
                told_to_nobody(answer);
            }
        }
        // Only now: whoever waits for all the room finds every answer given.
        self.leave_room();
    }

    pub(super) fn leave_room(&self) {
        self.room.leave(self.kib);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Answer {
    type Output = Result<Delivered, DeliveryError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state();
        match mem::replace(&mut *state, State::Over) {
            State::Answered(answer) => Poll::Ready(answer),
            State::Asked(_) => {
                *state = State::Asked(Some(cx.waker().clone()));
                Poll::Pending
            }
            // Asked again after it was given: there is no second one.
            State::Over => Poll::Pending,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let State::Answered(answer) = mem::replace(&mut *self.0.state(), State::Over) {
            told_to_nobody(answer);
        }
    }
}

fn told_to_nobody(answer: Result<Delivered, DeliveryError>) {
    if let Err(unseen) = answer {
        metrics::counter!("orderly_emit_failures_unseen_total").increment(1);
        tracing::error!(?unseen, "an emitted record failed and nobody waits for its outcome");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    const WRITTEN: Delivered = Delivered { partition: 3, offset: 7 };

    fn asked() -> (Arc<Room>, Asked, Answer) {
        let room = Arc::new(Room::of(1, 10));
        assert!(room.try_enter(4));
        let (asked, answer) = ask(Arc::clone(&room), 4);
        (room, asked, answer)
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_the_answer_and_finds_room() {
        let (room, asked, answer) = asked();
        let waiting = tokio::spawn(async move { answer.await.unwrap().offset });
        tokio::task::yield_now().await;
        assert!(!room.try_enter(1), "there is room for one record");
        asked.answer(Ok(WRITTEN));
        assert_eq!(waiting.await.unwrap(), 7);
        assert!(room.try_enter(10));
    }

    #[tokio::test]
    async fn an_answer_that_is_there_is_not_waited_for() {
        let (_, asked, answer) = asked();
        asked.answer(Ok(WRITTEN));
        let now = tokio::time::timeout(Duration::ZERO, answer).await;
        assert_eq!(now.unwrap().unwrap().partition, 3);
    }

    #[tokio::test]
    async fn room_is_left_also_where_nobody_waits() {
        let (room, asked, answer) = asked();
        drop(answer);
        asked.answer(Ok(WRITTEN));
        assert!(room.try_enter(10));
    }
}
