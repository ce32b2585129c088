//! What is asked of a provider, and what it may answer.

use std::{fmt, pin::Pin};

use orderly_schemas::payment_token;
use rust_decimal::Decimal;

/// One thing to be done, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The idempotency key, the same whenever this operation of this order is asked for: 1 to 128 of
    /// `A-Z a-z 0-9 . _ : -`.
    pub key: String,
    /// The order, 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub order_id: String,
    /// What to do.
    pub operation: Operation,
    /// How much: more than nothing, scale 2 at most. Of a void, what was authorised; it isn't looked at.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

/// What is to be done. Shown without the token.
#[derive(Clone, PartialEq, Eq)]
pub enum Operation {
    /// Sets the amount aside.
    Authorise {
        /// What stands for the customer's card.
        token: String,
    },
    /// Takes what was set aside, or less of it.
    Capture {
        /// The payment, as its authorisation was answered.
        reference: String,
    },
    /// Lets go what was set aside.
    Void {
        /// The payment.
        reference: String,
    },
    /// Gives back what was taken, or some of it.
    Refund {
        /// The payment.
        reference: String,
    },
}

/// It was done, now or when it was first asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The payment's reference, whatever the operation.
    pub reference: String,
}

/// Why it wasn't done, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Final: asked again with this key, it is declined again.
    #[error("declined: {reason}")]
    Declined {
        /// Why, fit to be shown to the customer.
        reason: String,
    },
    /// Timed out, or the answer was lost: ask again with the same key.
    #[error("it isn't known whether the payment was done: {0}")]
    Unknown(String),
    /// Surely not done: ask again later.
    #[error("the payment provider is away: {0}")]
    Unavailable(String),
    /// The provider says that the request is wrong: a person has to look.
    #[error("the payment provider refuses the request: {0}")]
    Refused(String),
}

/// Who does it.
pub trait Provider: Send + Sync + 'static {
    /// Does it once for its key, however often and from wherever it is asked. Cancelled, it may be done
    /// or not, as after [`PaymentError::Unknown`].
    fn perform<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, PaymentError>> + Send + 'a>>;
}

impl Operation {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Authorise { .. } => "authorise",
            Self::Capture { .. } => "capture",
            Self::Void { .. } => "void",
            Self::Refund { .. } => "refund",
        }
    }

    /// The payment that it is about, if there is one already.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::Authorise { .. } => None,
            Self::Capture { reference } | Self::Void { reference } | Self::Refund { reference } => {
                Some(reference)
            }
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference() {
            Some(reference) => write!(f, "{} {reference}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// What no provider has to be asked about.
pub(crate) fn check(request: &Request) -> Result<(), PaymentError> {
    let refused = |why: &str| Err(PaymentError::Refused(why.to_owned()));
    if !is_name(&request.key, 128, b".:") {
        return refused("its key isn't 1 to 128 of A-Z a-z 0-9 . _ : -");
    }
    if !is_name(&request.order_id, 64, b".") {
        return refused("its order id isn't 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    let amount = request.amount;
    if amount <= Decimal::ZERO || amount.scale() > 2 || amount > Decimal::from(MOST) {
        return refused(
            "its amount isn't more than 0 and at most 1000000000000, with at most 2 decimals",
        );
    }
    if request.currency.len() != 3 || !request.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return refused("its currency isn't three capitals such as EUR");
    }
    match &request.operation {
        Operation::Authorise { token } => payment_token::check(token)
            .map_err(|why| PaymentError::Refused(format!("its token can't be taken: {why}"))),
        operation if operation.reference().is_some_and(is_reference) => Ok(()),
        _ => refused("its reference isn't 1 to 128 of A-Z a-z 0-9 . _ : -"),
    }
}

const MOST: i64 = 1_000_000_000_000;

/// Whether it can be a payment's name, and a segment of a path: neither `.` nor `..` is.
pub(crate) fn is_reference(reference: &str) -> bool {
    is_name(reference, 128, b".:") && !matches!(reference, "." | "..")
}

fn is_name(text: &str, longest: usize, others: &[u8]) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b) || others.contains(&b);
    (1..=longest).contains(&text.len()) && text.bytes().all(fits)
}
