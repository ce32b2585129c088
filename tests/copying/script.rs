//! What happens to a group while it copies, by a seed; and whether it really did.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use fastrand::Rng;
use orderly_harness::{Api, Line, Then, Until, Whose};

use orderly_sdk::Event as _;

use super::{Copied, Copying, readers};

/// Longest until an order strikes, or what was held has come.
const WITHIN: Duration = Duration::from_secs(60);
/// Members that there are at least, after each fault.
const LEAST_MEMBERS: usize = 3;
/// Records that are copied between a fault and the next.
const BETWEEN: usize = 500;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A member is killed in the middle of a transaction; its successor has its name, or another one.
    Kill,
    /// One is frozen in the middle of a transaction for longer than its session, and thawed.
    Freeze,
    /// The same, and another process takes its name meanwhile.
    Replace,
    /// One more comes.
    Join,
    /// One leaves.
    Leave,
    /// A broker is killed and comes back.
    KillBroker,
    /// It is asked to go.
    BounceBroker,
    /// An EndTxn comes when the next transaction has begun.
    Late(Then),
    /// The same, and its member is killed while it is held: the next transaction is its successor's.
    LateOfTheDead,
    /// A broker does what is asked, and its answer gets lost.
    Lose(Api, Then),
    /// All connections break.
    Cut,
}

/// What happens to members.
pub const TO_MEMBERS: &[Fault] =
    &[Fault::Kill, Fault::Freeze, Fault::Replace, Fault::Join, Fault::Leave];
/// To brokers.
pub const TO_BROKERS: &[Fault] = &[Fault::KillBroker, Fault::BounceBroker];
/// EndTxns that come late.
pub const LATE: &[Fault] =
    &[Fault::Late(Then::Cut), Fault::Late(Then::Silence), Fault::LateOfTheDead];
/// Answers that get lost, with a connection or in silence; and connections.
pub const LOST: &[Fault] = &[
    Fault::Lose(Api::Produce, Then::Cut),
    Fault::Lose(Api::Produce, Then::Silence),
    Fault::Lose(Api::AddPartitionsToTxn, Then::Cut),
    Fault::Lose(Api::AddOffsetsToTxn, Then::Cut),
    Fault::Lose(Api::AddOffsetsToTxn, Then::Silence),
    Fault::Lose(Api::TxnOffsetCommit, Then::Cut),
    Fault::Lose(Api::TxnOffsetCommit, Then::Silence),
    Fault::Lose(Api::EndTxn, Then::Cut),
    Fault::Lose(Api::EndTxn, Then::Silence),
    Fault::Lose(Api::InitProducerId, Then::Cut),
    Fault::Cut,
];

/// The faults in the order in which they come: each once, and then any, to so many.
pub fn shuffled(faults: &[Fault], rounds: usize, rng: &mut Rng) -> Vec<Fault> {
    let mut all = faults.to_vec();
    rng.shuffle(&mut all);
    while all.len() < rounds {
        all.extend(rng.choice(faults));
    }
    all
}

/// What struck, and what didn't.
#[derive(Debug, Default)]
pub struct Tally {
    /// By fault: how often it was tried, and how often it struck.
    counts: BTreeMap<String, (u32, u32)>,
    /// What brokers answered to EndTxns that came late: error codes of Kafka's protocol, 0 for none.
    pub late: Vec<i16>,
}

/// Whether a fault struck; of one that came late, what it was answered.
#[derive(Debug, Default)]
struct Struck {
    is_hit: bool,
    late: Option<i16>,
}

impl Tally {
    fn add(&mut self, fault: Fault, struck: &Struck) {
        let (tried, hit) = self.counts.entry(format!("{fault:?}")).or_default();
        *tried += 1;
        *hit += u32::from(struck.is_hit);
        self.late.extend(struck.late);
    }

    /// Faults that never struck, however often they were tried.
    pub fn never(&self) -> Vec<&str> {
        let never = self.counts.iter().filter(|(_, (_, hit))| *hit == 0);
        never.map(|(fault, _)| fault.as_str()).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |(fault, (tried, hit)): (&String, &(u32, u32))| format!("{fault} {hit}/{tried}");
        let said: Vec<_> = self.counts.iter().map(said).collect();
        write!(f, "struck: {}", said.join(", "))?;
        match self.late.is_empty() {
            true => Ok(()),
            false => write!(f, "; late EndTxns were answered {:?}", self.late),
        }
    }
}

impl Copying {
    /// Plays faults one after the other, and goes on copying in between.
    pub async fn play(&mut self, faults: &[Fault], rng: &mut Rng) -> Tally {
        let mut tally = Tally::default();
        for fault in faults {
            self.goes_on(BETWEEN).await;
            let struck = self.suffer(*fault, rng).await;
            println!("{fault:?}: {struck:?}");
            tally.add(*fault, &struck);
        }
        self.goes_on(BETWEEN).await;
        tally
    }

    /// Plays each fault while one of the line's is under way, too.
    pub async fn play_at_once(
        &mut self,
        faults: &[Fault],
        of_the_line: &[Fault],
        rng: &mut Rng,
    ) -> Tally {
        let mut tally = Tally::default();
        for (number, fault) in faults.iter().enumerate() {
            self.goes_on(BETWEEN).await;
            let beside = of_the_line[number % of_the_line.len()];
            let on_the_line = tokio::spawn(on_the_line(Arc::clone(&self.line), beside));
            let struck = self.suffer(*fault, rng).await;
            let beside_struck = on_the_line.await.unwrap();
            println!("{fault:?}: {struck:?}; {beside:?}: {beside_struck:?}");
            tally.add(*fault, &struck);
            tally.add(beside, &beside_struck);
        }
        self.goes_on(BETWEEN).await;
        tally
    }

    async fn suffer(&mut self, fault: Fault, rng: &mut Rng) -> Struck {
        let slot = rng.choice(self.slots()).expect("a member");
        let is_hit = match fault {
            Fault::Kill => {
                let is_hit = self.kill(slot).await;
                match rng.bool() {
                    true => self.join_as(slot),
                    false => self.join(rng),
                }
                is_hit
            }
            Fault::Freeze => self.freeze(slot).await,
            Fault::Replace => self.replace(slot).await,
            Fault::Join => self.join_or_leave(rng).await,
            Fault::Leave => {
                self.leave(slot).await;
                true
            }
            Fault::KillBroker | Fault::BounceBroker => {
                let down = Duration::from_millis(rng.u64(500..8_000));
                // One that has something to do: what a broker led isn't given back to it for minutes.
                let leaders = readers::leaders(self.kafka.bootstrap(), Copied::TOPIC).await;
                let Some(node) = rng.choice(leaders) else { return Struck::default() };
                let is_used = self.line.connections_to(node) > 0;
                self.bounce(node, fault == Fault::KillBroker, down).await;
                is_used
            }
            Fault::LateOfTheDead => return self.late_of_the_dead().await,
            Fault::Late(_) | Fault::Lose(..) | Fault::Cut => {
                return on_the_line(Arc::clone(&self.line), fault).await;
            }
        };
        while self.slots().len() < LEAST_MEMBERS {
            self.join(rng);
        }
        Struck { is_hit, late: None }
    }

    async fn join_or_leave(&mut self, rng: &mut Rng) -> bool {
        let slots = self.slots();
        if slots.len() > LEAST_MEMBERS {
            self.leave(rng.choice(slots).expect("a member")).await;
        }
        self.join(rng);
        true
    }

    async fn late_of_the_dead(&mut self) -> Struck {
        let held =
            self.line.hold_end_txn(Whose::AnyTransaction, Then::Silence, Until::NextTransaction);
        if held.struck(WITHIN).await.is_err() {
            return Struck::default();
        }
        let transaction = held.transaction();
        let slots = self.slots();
        let slot = slots.into_iter().find(|it| Some(Self::transaction_of(*it)) == transaction);
        let Some(slot) = slot else { return Struck::default() };
        let Some(()) = self.kill_at_once(slot).await else { return Struck::default() };
        self.join_as(slot);
        came(held.went(WITHIN).await)
    }
}

/// One that needs nothing but the line.
async fn on_the_line(line: Arc<Line>, fault: Fault) -> Struck {
    match fault {
        Fault::Late(then) => {
            let held = line.hold_end_txn(Whose::AnyTransaction, then, Until::NextTransaction);
            match held.struck(WITHIN).await {
                Ok(()) => came(held.went(WITHIN).await),
                Err(_) => Struck::default(),
            }
        }
        Fault::Lose(api, then) => {
            let lost = line.lose_answer(api, Whose::AnyTransaction, then);
            // Nobody is made a producer unless one is lost.
            let needs = (api == Api::InitProducerId)
                .then(|| line.lose_answer(Api::EndTxn, Whose::AnyTransaction, Then::Cut));
            let is_hit = lost.struck(WITHIN).await.is_ok();
            drop(needs);
            Struck { is_hit, late: None }
        }
        Fault::Cut => {
            let cut = line.cut(Duration::from_secs(2)).await;
            Struck { is_hit: cut > 0, late: None }
        }
        _ => unreachable!("{fault:?} is nothing of the line's"),
    }
}

fn came(answer: Result<i16, orderly_harness::Fault>) -> Struck {
    Struck { is_hit: answer.is_ok(), late: answer.ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_order_with_each_fault_in_it() {
        let order = |seed| shuffled(LOST, 20, &mut Rng::with_seed(seed));
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        assert_eq!(order(7).len(), 20);
        assert!(LOST.iter().all(|fault| order(7).contains(fault)));
    }

    #[test]
    fn what_was_tried_and_never_struck_is_named() {
        let mut tally = Tally::default();
        tally.add(Fault::Kill, &Struck::default());
        tally.add(Fault::Cut, &Struck { is_hit: true, late: None });
        tally.add(Fault::Cut, &Struck::default());
        tally.add(Fault::Late(Then::Cut), &Struck { is_hit: true, late: Some(47) });
        assert_eq!(tally.never(), ["Kill"]);
        assert_eq!(
            tally.to_string(),
            "struck: Cut 1/2, Kill 0/1, Late(Cut) 1/1; late EndTxns were answered [47]"
        );
    }
}
