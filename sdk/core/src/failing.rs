//! What follows from a failure: tried again, parked, skipped, or the consumer stops.

use std::time::Duration;

use crate::{
    Decision, Exhausted, Failed, Key, ParkedKey, Record,
    core::{Shared, Timer},
    keys::State,
    partition::Partition,
    work::{Effect, SlotId},
};

impl<R: Record> Partition<R> {
    /// The first record of a queue failed.
    pub(crate) fn fail(&mut self, id: SlotId, failed: Failed, shared: &mut Shared<R>) {
        let slot = self.keys.get_mut(id);
        let Some(due) = slot.tries.failed(failed.decision, shared) else {
            let policy = match failed.decision {
                Decision::Reject => shared.settings.retry.rejected,
                _ => shared.settings.retry.exhausted,
            };
            return self.give_up(id, policy, failed.error, shared);
        };
        slot.state = State::Waiting(due);
        shared.timers.push(self.id, due, Timer::Slot(id));
    }

    /// The first record of a queue is rejected, or its attempts are used up.
    fn give_up(&mut self, id: SlotId, policy: Exhausted, error: String, shared: &mut Shared<R>) {
        let is_full = self.is_full(shared);
        let slot = self.keys.get_mut(id);
        let attempts = slot.tries.attempts;
        let Some(first) = slot.queue.front() else { return };
        let (offset, key) = (first.offset(), first.key().map(Key::from));
        match (policy, key) {
            (Exhausted::Stop, _) => {
                slot.state = State::Held;
                let assignment = self.id;
                shared.effects.push(Effect::Stop { assignment, offset, attempts, error });
            }
            (Exhausted::Park, Some(_)) if is_full => {
                slot.state = State::Held;
                self.refused.push(id);
            }
            (Exhausted::Park, Some(key)) => {
                slot.state = State::Marking;
                let letters_from = self.letters_end;
                let state =
                    ParkedKey { next: offset, letters_from, laps: 0, is_redriving: false, error };
                self.park(&key, id, state, attempts, shared);
            }
            (Exhausted::Park | Exhausted::Skip, _) => {
                self.give_letter(id, error, attempts, None);
            }
        }
    }

    /// Whether as many keys are parked as may be.
    pub(crate) fn is_full(&self, shared: &Shared<R>) -> bool {
        self.parked.len() >= shared.settings.most_parked
    }

    /// The wait of a queue is over, if it still waits for that.
    pub(crate) fn wake(&mut self, id: SlotId, due: Duration) {
        if self.keys.get(id).state == State::Waiting(due) {
            self.keys.settle(id);
        }
    }

    /// A part is back: what waited for it is tried at once.
    pub(crate) fn wake_unavailable(&mut self) {
        let waiting: Vec<SlotId> = self
            .keys
            .iter()
            .filter(|(_, slot)| {
                slot.tries.is_unavailable && matches!(slot.state, State::Waiting(_))
            })
            .map(|(id, _)| id)
            .collect();
        waiting.into_iter().for_each(|id| self.keys.settle(id));
        self.wake_unavailable_redrives();
    }
}
