//! What fulfilment is started with.

use std::{str::FromStr, sync::Arc, time::Duration};

use fulfilment_payment::Provider;
use fulfilment_pricing::Rules as Promotions;
use orderly_sdk::{Config, Health};
use orderly_stores::Database;

use crate::Stages;

/// What fulfilment needs.
#[derive(Clone)]
pub struct Settings {
    /// Kafka and the registry.
    pub config: Config,
    /// Its own tables, inbox and outbox.
    pub database: Database,
    /// Members of the group to run.
    pub members: usize,
    /// What holds for every order.
    pub rules: Rules,
    /// Where cards are charged.
    pub provider: Arc<dyn Provider>,
    /// Told which parts are away, and that members have joined.
    pub health: Health,
}

/// What holds for every order taken on from now.
#[derive(Clone)]
pub struct Rules {
    /// What every order goes through.
    pub stages: Stages,
    /// Discounts and coupons.
    pub promotions: Promotions,
    /// Whether an order needs stock.
    pub stock: StockRule,
    /// How long a confirmed order can still be cancelled before its preparation begins.
    pub cancel_within: Duration,
    /// How long an order waits for its payment to be authorised; then it is rejected.
    pub payment_patience: Duration,
}

impl Rules {
    /// These stages and everything else by default: no promotions, stock as counted, preparation at
    /// once, 15 minutes for a payment.
    pub fn new(stages: Stages) -> Self {
        Self {
            stages,
            promotions: Promotions::none(),
            stock: StockRule::Counted,
            cancel_within: Duration::ZERO,
            payment_patience: Duration::from_secs(15 * 60),
        }
    }
}

/// Whether an order needs stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockRule {
    /// It holds what it orders, or is rejected; a product that was never counted isn't there.
    Counted,
    /// Everything is made to order: there is always enough.
    Unlimited,
}

/// `counted` or `unlimited`.
impl FromStr for StockRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "counted" => Ok(Self::Counted),
            "unlimited" => Ok(Self::Unlimited),
            _ => Err(format!("`{text}` is neither `counted` nor `unlimited`")),
        }
    }
}
