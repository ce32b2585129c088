//! Carrying out what the core asks for: dead letters, marks, looks. Each is insisted on, and answered
//! to the mailbox.

use std::{future::Future, sync::Arc};

use orderly_core::{Effect, Key, Letter, Mark, Whose};
use tokio::sync::mpsc;

use super::{
    ConsumeError, Scope,
    engine::{Ended, Outcome},
    execute::{Executor, Place},
    look::Looked,
    mailbox::Inbound,
    marks,
    one_by_one::Run,
    window::Windows,
};
use crate::{OutRecord, record::InRecord};

/// Marks of one partition on their way, in order: two of one key must not change places.
pub(super) type Marking = mpsc::UnboundedSender<(OutRecord, Option<Inbound>)>;

impl<S: Scope> Executor<S> {
    /// Writes a partition's marks until what is returned is dropped.
    pub(super) fn start_marking(self: &Arc<Self>, place: &Arc<Place>) -> Marking {
        let (marking, mut marks) = mpsc::unbounded_channel::<(OutRecord, Option<Inbound>)>();
        let (this, place) = (Arc::clone(self), Arc::clone(place));
        self.runtime.spawn(async move {
            while let Some((mark, answer)) = marks.recv().await {
                let what = format!("marks of {}", place.at);
                let write = || this.engine.letters.mark(&mark);
                match this.engine.insist(&what, &place.stop, write).await {
                    Ok(_) => answer.into_iter().for_each(|answer| this.mailbox.post(answer)),
                    Err(ended) => return this.ended(ended),
                }
            }
        });
        marking
    }

    /// Carries out an effect on a partition.
    pub(super) fn perform(
        self: &Arc<Self>,
        effect: Effect<InRecord>,
        place: &Arc<Place>,
        marking: &Marking,
    ) {
        match effect {
            Effect::Mark { assignment, mark, sequence } => {
                let (whose, mark) = self.mark(mark, place);
                // It ends only with the partition, or with the member.
                let _ = marking.send((mark, Some(Inbound::Marked(assignment, whose, sequence))));
            }
            Effect::Answer { whose, .. } => {
                let (_, mark) = self.mark(Mark::Answered(whose), place);
                let _ = marking.send((mark, None));
            }
            Effect::Letter(letter) => self.spawn(place, |this, place| async move {
                let slot = (letter.assignment, letter.slot);
                let at = this.write_letter(&letter, &place).await?;
                this.mailbox.post(Inbound::Lettered(slot.0, slot.1, at));
                Ok(())
            }),
            other => self.look_or_stop(other, place),
        }
    }

    /// The same in the member's transaction: each is acknowledged, and only then done in it.
    pub(super) fn perform_within(
        self: &Arc<Self>,
        effect: Effect<InRecord>,
        place: &Arc<Place>,
        windows: &mut Windows,
    ) {
        let this = Arc::clone(self);
        match effect {
            Effect::Mark { assignment, mark, sequence } => {
                let (whose, mark) = self.mark(mark, place);
                windows.write(assignment, mark, move |_| {
                    this.mailbox.post(Inbound::Marked(assignment, whose, sequence));
                });
            }
            Effect::Answer { assignment, whose } => {
                let (_, mark) = self.mark(Mark::Answered(whose), place);
                windows.write(assignment, mark, move |_| this.mailbox.post(Inbound::Answered));
            }
            Effect::Letter(letter) => {
                self.tell_of(&letter);
                let record = self.engine.letters.within(&letter, windows.longest_record());
                place.counters.count(Outcome::DeadLettered);
                let (assignment, slot) = (letter.assignment, letter.slot);
                windows.write(assignment, record, move |at| {
                    this.mailbox.post(Inbound::Lettered(assignment, slot, at));
                });
            }
            other => self.look_or_stop(other, place),
        }
    }

    /// Whose a mark is, and the mark as a record.
    fn mark(&self, mut mark: Mark, place: &Place) -> (Whose, OutRecord) {
        let whose = match &mut mark {
            Mark::State { key, state, .. } => {
                if let Some(state) = state {
                    self.withhold(&mut state.error, place);
                }
                Whose::Key(Key::clone(key))
            }
            _ => Whose::PassedOver,
        };
        (whose, marks::to_record(&self.engine.group, &place.at, &mark))
    }

    fn look_or_stop(self: &Arc<Self>, effect: Effect<InRecord>, place: &Arc<Place>) {
        let group = &*self.engine.group;
        match effect {
            Effect::Look { assignment, whose, from } => {
                self.spawn(place, move |this, place| async move {
                    let look = || this.looks.look(&place.at, &whose, from);
                    let what = format!("dead letters of {}", place.at);
                    let looked = this.engine.insist(&what, &place.stop, look).await?;
                    this.mailbox.post(match looked {
                        Looked::Found(at, record) => {
                            Inbound::Found(assignment, whose, at, Box::new(record))
                        }
                        Looked::Nothing(through) => Inbound::NoLetter(assignment, whose, through),
                    });
                    Ok(())
                });
            }
            Effect::Stop { offset, attempts, error, .. } => {
                let at = crate::record::Coordinates { partition: place.at.clone(), offset };
                let group = group.to_owned();
                self.stop.fail(ConsumeError::Exhausted { group, at, attempts, error });
            }
            Effect::Overtaken(_) => {
                tracing::warn!(group, at = %place.at, "another member has taken it over");
            }
            Effect::Mark { .. } | Effect::Answer { .. } | Effect::Letter(_) => {}
        }
    }

    fn tell_of(&self, letter: &Letter<InRecord>) {
        let (at, error, attempts) = (letter.record.at(), &letter.error, letter.attempts);
        tracing::error!(group = %self.engine.group, %at, attempts, error, "to the dead letters");
    }

    async fn write_letter(&self, letter: &Letter<InRecord>, place: &Place) -> Result<i64, Ended> {
        self.tell_of(letter);
        let what = format!("the dead letter of {}", letter.record.at());
        let put = || self.engine.letters.put(letter);
        let lies = self.engine.insist(&what, &place.stop, put).await?;
        let run = Run { attempt: 1, is_redriven: false, ledger: letter.ledger.as_ref() };
        let pass = || self.engine.pass(&letter.record, run);
        self.engine.insist(&what, &place.stop, pass).await?;
        place.counters.count(Outcome::DeadLettered);
        Ok(lies)
    }

    fn withhold(&self, error: &mut String, place: &Place) {
        if self.engine.letters.is_personal(&place.at.topic) {
            *error = "withheld: the topic holds personal data".to_owned();
        }
    }

    fn spawn<F: Future<Output = Result<(), Ended>> + Send + 'static>(
        self: &Arc<Self>,
        place: &Arc<Place>,
        act: impl FnOnce(Arc<Self>, Arc<Place>) -> F,
    ) {
        let acting = act(Arc::clone(self), Arc::clone(place));
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Err(ended) = acting.await {
                this.ended(ended);
            }
        });
    }

    pub(super) fn ended(&self, ended: Ended) {
        match ended {
            Ended::Interrupted => {}
            Ended::Stopped(error) => self.stop.fail(error),
        }
    }
}
