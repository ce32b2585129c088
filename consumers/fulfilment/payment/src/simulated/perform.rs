//! One request, in one transaction: looked up by its key, else done and its answer kept.

use std::time::Duration;

use orderly_stores::{Database, Row, StoreError, Tx, Value};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::tokens::{Does, what_it_does};
use crate::{Operation, PaymentError, Reply, Request, request::check};

const SLOW: Duration = Duration::from_millis(500);

/// What was answered to a key, or that nothing was yet.
const DONE: &str = "done";
const DECLINED: &str = "declined";
const NOTHING: &str = "nothing";

pub(super) async fn perform(database: &Database, request: &Request) -> Result<Reply, PaymentError> {
    check(request)?;
    let does = match &request.operation {
        Operation::Authorise { token } => what_it_does(token),
        _ => Does::default(),
    };
    if does.slow {
        // Before the transaction: it would keep others waiting.
        tokio::time::sleep(SLOW).await;
    }
    let mut tx = database.begin().await.map_err(not_done)?;
    let answer = decide(&mut tx, request, does).await.map_err(not_done)?;
    tx.commit().await.map_err(|error| PaymentError::Unknown(error.to_string()))?;
    answer
}

type Answer = Result<Reply, PaymentError>;

async fn decide(tx: &mut Tx, request: &Request, does: Does) -> Result<Answer, StoreError> {
    let outage = "SELECT away FROM payment_sandbox_outage";
    let is_away = tx.query_opt(outage, &[]).await?.map(|row| row.get(0)).transpose()?;
    if is_away.unwrap_or(false) {
        let sql = "INSERT INTO payment_sandbox_turned_away (order_id) VALUES ($1)
                   ON CONFLICT DO NOTHING";
        tx.execute(sql, &[request.order_id.as_str().into()]).await?;
        return Ok(Err(PaymentError::Unavailable("the sandbox has an outage".into())));
    }
    let asked = Asked::count(tx, request).await?;
    if asked.content != content(request) {
        return Ok(refused("its key was used for another request"));
    }
    match asked.state.as_str() {
        DONE => return Ok(Ok(Reply { reference: asked.answer })),
        DECLINED => return Ok(declined(asked.answer)),
        _ => {}
    }
    let first = asked.calls == 1;
    if does.away_first && first {
        let why = "the sandbox is away once for this token";
        return Ok(Err(PaymentError::Unavailable(why.into())));
    }
    if let Some(reason) = does.declined {
        keep(tx, request, DECLINED, reason).await?;
        return Ok(answered(declined(reason.into()), does.loses_first));
    }
    let done = match request.operation.reference() {
        None => authorise(tx, request, does).await?,
        Some(reference) => change(tx, request, reference).await?,
    };
    match done {
        Ok(done) => {
            keep(tx, request, DONE, &done.reference).await?;
            let lost = does.loses_first && first || done.answer_is_lost;
            Ok(answered(Ok(Reply { reference: done.reference }), lost))
        }
        Err(why) => Ok(refused(why)),
    }
}

fn refused(why: impl Into<String>) -> Answer {
    Err(PaymentError::Refused(why.into()))
}

fn declined(reason: String) -> Answer {
    Err(PaymentError::Declined { reason })
}

fn answered(answer: Answer, lost: bool) -> Answer {
    if lost {
        Err(PaymentError::Unknown("the sandbox loses this answer once".into()))
    } else {
        answer
    }
}

/// What is known of a key.
struct Asked {
    content: String,
    calls: i64,
    state: String,
    answer: String,
}

impl Asked {
    /// Counts the call; nobody else asks for this key until `tx` ends.
    async fn count(tx: &mut Tx, request: &Request) -> Result<Self, StoreError> {
        let sql = "INSERT INTO payment_sandbox_requests
                       (key, order_id, currency, content, calls, state, answer)
                   VALUES ($1, $2, $3, $4, 1, $5, '')
                   ON CONFLICT (key) DO UPDATE SET calls = payment_sandbox_requests.calls + 1
                   RETURNING content, calls, state, answer";
        let values: [Value; 5] = [
            request.key.as_str().into(),
            request.order_id.as_str().into(),
            request.currency.as_str().into(),
            content(request).into(),
            NOTHING.into(),
        ];
        let rows = tx.query(sql, &values).await?;
        let row = rows.first().ok_or_else(|| StoreError::Statement {
            sql: sql.to_owned(),
            message: "it gave no row".to_owned(),
        })?;
        Ok(Self {
            content: row.get(0)?,
            calls: row.get(1)?,
            state: row.get(2)?,
            answer: row.get(3)?,
        })
    }
}

async fn keep(tx: &mut Tx, request: &Request, state: &str, answer: &str) -> Result<(), StoreError> {
    let sql = "UPDATE payment_sandbox_requests SET state = $1, answer = $2 WHERE key = $3";
    tx.execute(sql, &[state.into(), answer.into(), request.key.as_str().into()]).await?;
    Ok(())
}

/// What a request asks for, as a hash: the token lies nowhere.
fn content(request: &Request) -> String {
    let Request { key: _, order_id, operation, amount, currency } = request;
    let about = match operation {
        Operation::Authorise { token } => token,
        other => other.reference().unwrap_or_default(),
    };
    let word = operation.word();
    let text = format!("{word}\n{about}\n{order_id}\n{}\n{currency}", amount.normalize());
    hex::encode(Sha256::digest(text))
}

struct Done {
    reference: String,
    answer_is_lost: bool,
}

async fn authorise(
    tx: &mut Tx,
    request: &Request,
    does: Does,
) -> Result<Result<Done, String>, StoreError> {
    let reference = format!("pay_{}", &hex::encode(Sha256::digest(&request.key))[..32]);
    let sql = "INSERT INTO payment_sandbox_payments
                   (reference, order_id, currency, authorised, captured, voided, refunded, state, loses_capture)
               VALUES ($1, $2, $3, $4, $5, $5, $5, 'authorised', $6)";
    let values: [Value; 6] = [
        reference.as_str().into(),
        request.order_id.as_str().into(),
        request.currency.as_str().into(),
        request.amount.into(),
        Decimal::ZERO.into(),
        does.loses_capture.into(),
    ];
    tx.execute(sql, &values).await?;
    Ok(Ok(Done { reference, answer_is_lost: false }))
}

/// Captures, voids or refunds; or says why not.
async fn change(
    tx: &mut Tx,
    request: &Request,
    reference: &str,
) -> Result<Result<Done, String>, StoreError> {
    let sql =
        "SELECT order_id, currency, authorised, captured, voided, refunded, state, loses_capture
               FROM payment_sandbox_payments WHERE reference = $1 {for_update}";
    let Some(row) = tx.query_opt(sql, &[reference.into()]).await? else {
        return Ok(Err(format!("there is no payment {reference}")));
    };
    let mut payment = Payment::read(&row)?;
    if let Err(why) = payment.apply(request) {
        return Ok(Err(format!("payment {reference} {why}")));
    }
    let sql = "UPDATE payment_sandbox_payments
               SET captured = $1, voided = $2, refunded = $3, state = $4 WHERE reference = $5";
    let values: [Value; 5] = [
        payment.captured.into(),
        payment.voided.into(),
        payment.refunded.into(),
        payment.state.as_str().into(),
        reference.into(),
    ];
    tx.execute(sql, &values).await?;
    let capture = matches!(request.operation, Operation::Capture { .. });
    let answer_is_lost = capture && payment.loses_capture;
    Ok(Ok(Done { reference: reference.to_owned(), answer_is_lost }))
}

struct Payment {
    order_id: String,
    currency: String,
    authorised: Decimal,
    captured: Decimal,
    voided: Decimal,
    refunded: Decimal,
    state: String,
    loses_capture: bool,
}

impl Payment {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.get(0)?,
            currency: row.get(1)?,
            authorised: row.get(2)?,
            captured: row.get(3)?,
            voided: row.get(4)?,
            refunded: row.get(5)?,
            state: row.get(6)?,
            loses_capture: row.get(7)?,
        })
    }

    fn apply(&mut self, request: &Request) -> Result<(), String> {
        let Request { amount, currency, order_id, .. } = request;
        if self.order_id != *order_id {
            return Err("is another order's".into());
        }
        if self.currency != *currency {
            return Err(format!("is in {}, and not in {currency}", self.currency));
        }
        let state = self.state.as_str();
        match &request.operation {
            Operation::Capture { .. } if state != "authorised" => {
                Err(format!("is {state} already"))
            }
            Operation::Capture { .. } if *amount > self.authorised => {
                Err(format!("is of {}, and {amount} can't be captured of it", self.authorised))
            }
            Operation::Capture { .. } => {
                self.captured = *amount;
                self.state = "captured".into();
                Ok(())
            }
            Operation::Void { .. } if state != "authorised" => Err(format!("is {state} already")),
            Operation::Void { .. } => {
                self.voided = self.authorised;
                self.state = "voided".into();
                Ok(())
            }
            Operation::Refund { .. } if state != "captured" => {
                Err(format!("is {state}, and only what is captured can be refunded"))
            }
            Operation::Refund { .. } if *amount > self.captured - self.refunded => {
                let left = self.captured - self.refunded;
                Err(format!("has {left} left to be refunded, and not {amount}"))
            }
            Operation::Refund { .. } => {
                self.refunded += amount;
                Ok(())
            }
            Operation::Authorise { .. } => Err("is there already".into()),
        }
    }
}

/// A transaction that wasn't committed left nothing.
fn not_done(error: StoreError) -> PaymentError {
    match error {
        StoreError::Unavailable(_) | StoreError::Over { cause: Some(_), .. } => {
            PaymentError::Unavailable(error.to_string())
        }
        error => PaymentError::Refused(format!("the sandbox can't: {error}")),
    }
}
