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
        let group = &*self.engine.group;
        match effect {
            Effect::Mark { assignment, mut mark, sequence } => {
                let whose = match &mut mark {
                    Mark::State { key, state, .. } => {
                        if let Some(state) = state {
                            self.withhold(&mut state.error, place);
                        }
                        Whose::Key(Key::clone(key))
                    }
                    _ => Whose::PassedOver,
                };
                let mark = marks::to_record(group, &place.at, &mark);
                // It ends only with the partition, or with the member.
                let _ = marking.send((mark, Some(Inbound::Marked(assignment, whose, sequence))));
            }
            Effect::Answer { whose, .. } => {
                let mark = marks::to_record(group, &place.at, &Mark::Answered(whose));
                let _ = marking.send((mark, None));
            }
            Effect::Letter(letter) => self.spawn(place, |this, place| async move {
                let slot = (letter.assignment, letter.slot);
                let at = this.write_letter(&letter, &place).await?;
                this.mailbox.post(Inbound::Lettered(slot.0, slot.1, at));
                Ok(())
            }),
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
        }
    }

    async fn write_letter(&self, letter: &Letter<InRecord>, place: &Place) -> Result<i64, Ended> {
        let (at, error, attempts) = (letter.record.at(), &letter.error, letter.attempts);
        tracing::error!(group = %self.engine.group, %at, attempts, error, "to the dead letters");
        let what = format!("the dead letter of {at}");
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
