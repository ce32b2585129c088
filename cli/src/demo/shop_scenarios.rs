//! What goes wrong in a shop, on purpose: each scenario has a claim, and a run in which that doesn't
//! hold is a violation.

use std::time::Duration;

use fulfilment::Rules;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    at_the_counter::{LateFigures, WaitedFigures},
    check_kitchen::StageFigures,
    findings::{Findings, Kind},
    generate::reach,
    intake::Reach,
    ledger::{COMES_LATE, Figures},
    outages::{Outage, OutageFigures},
    outside::{MessageFigures, Outside, broken_webhook, smtp_down},
};

/// Customers of a scenario, each with one order.
pub(super) const CUSTOMERS: u64 = 200;
/// Of what everybody wants, so many are there, or may have it.
const FEW: u32 = 50;
const LAST: &str = "last-of-the-day";
const COUPON: &str = "RUSH";
/// How long an order of the race can be cancelled.
pub(super) const CANCEL_WITHIN: Duration = Duration::from_secs(1);
/// Everybody gets to the oven at once, which then takes eight seconds for all.
const SLOW_OVEN: &str = "prep=20ms,oven=160ms*4";
/// Of the slow oven.
const OVEN_PLACES: u64 = 4;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShopScenario {
    /// 200 customers order one piece each, of which there are 50.
    LastUnit,
    /// Everybody cancels, some before their order is prepared and some after that began.
    CancelRace,
    /// The payment provider is away while everybody orders.
    PaymentOutage,
    /// 200 customers use a coupon that may be used 50 times.
    CouponRush,
    /// Everybody orders at once, and the oven takes four.
    SlowOven,
    /// Half of the customers come for what is ready when all the others have gone.
    LateCustomer,
    /// Of nine receivers of webhooks three are broken at first, and one for ever.
    BrokenWebhook,
    /// The mail server is away until everything else was told.
    SmtpDown,
}

/// `scenario` of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScenarioFigures {
    /// Which one it was.
    pub name: ShopScenario,
    /// What it claims.
    pub claim: &'static str,
    /// Whether that is so.
    pub holds: bool,
    /// How the payment provider's outage went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<OutageFigures>,
    /// What those who waited for the oven were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited: Option<WaitedFigures>,
    /// How it went for those who came late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<LateFigures>,
    /// How messages went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<MessageFigures>,
}

/// What its customers saw, where that is more than how their orders ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) outage: Option<Outage>,
    pub(super) waited: Option<WaitedFigures>,
    pub(super) late: Option<LateFigures>,
    /// Messages that went out while the mail server was away.
    pub(super) meanwhile: u64,
}

impl ShopScenario {
    /// What fulfilment is started with for it.
    pub fn rules(self, rules: Rules) -> Result<Rules, String> {
        let rush = format!(
            "promotions: [{{ name: Rush, amount_off: 1.00, currency: EUR, coupon: {COUPON}, \
             coupon_limit: {FEW} }}]"
        );
        Ok(match self {
            Self::CancelRace => Rules { cancel_within: CANCEL_WITHIN, ..rules },
            Self::CouponRush => Rules {
                promotions: rush.parse().map_err(|error| format!("the rush's coupon: {error}"))?,
                ..rules
            },
            Self::SlowOven => Rules {
                stages: SLOW_OVEN.parse().map_err(|error| format!("the slow oven: {error}"))?,
                ..rules
            },
            Self::LastUnit
            | Self::PaymentOutage
            | Self::LateCustomer
            | Self::BrokenWebhook
            | Self::SmtpDown => rules,
        })
    }

    /// What it claims.
    pub fn claim(self) -> &'static str {
        match self {
            Self::LastUnit => "50 of 200 orders get one of 50 pieces, 150 are rejected",
            Self::CancelRace => {
                "each order is cancelled, or its cancellation refused and it completed; both happen"
            }
            Self::PaymentOutage => "every order waits for the provider, and is paid and completed",
            Self::CouponRush => "50 of 200 orders use the coupon, 150 are rejected",
            Self::SlowOven => {
                "never more than 4 orders are in the oven, each in its turn, and who waits is told"
            }
            Self::LateCustomer => {
                "what is ready waits for who comes late, and is completed once, when they come"
            }
            Self::BrokenWebhook => {
                "whoever can take a webhook takes it, signed and once; nobody waits for the broken ones"
            }
            Self::SmtpDown => {
                "text messages and webhooks go on without the mail server, then each mail comes once"
            }
        }
    }

    /// How messages went out, where it is about them.
    pub(super) fn messages(self, outside: &Outside, meanwhile: u64) -> Option<MessageFigures> {
        match self {
            Self::BrokenWebhook => Some(broken_webhook(outside)),
            Self::SmtpDown => Some(smtp_down(outside, meanwhile)),
            _ => None,
        }
    }

    /// What there is besides the menu, as (sku, pieces).
    pub(super) fn counted(self) -> &'static [(&'static str, i32)] {
        match self {
            Self::LastUnit => const { &[(LAST, FEW.cast_signed())] },
            _ => &[],
        }
    }

    /// Held against how the orders ended.
    pub(super) fn check(
        self,
        told: &Figures,
        saw: &Saw,
        findings: &mut Findings,
    ) -> ScenarioFigures {
        let Saw { outage, waited, late, oven, messages } = *saw;
        let Figures { completed, rejected, cancelled, cancellations_refused, .. } = *told;
        let holds = match self {
            Self::LastUnit | Self::CouponRush => {
                let few = u64::from(FEW);
                completed == few && rejected == CUSTOMERS - few
            }
            Self::CancelRace => {
                completed + cancelled == CUSTOMERS
                    && cancelled > 0
                    && cancellations_refused > 0
                    && cancellations_refused == completed
            }
            Self::PaymentOutage => {
                let all_waited = OutageFigures { turned_away: CUSTOMERS, confirmed: 0 };
                completed == CUSTOMERS && outage == Some(all_waited)
            }
            Self::SlowOven => {
                // History shows a line a moment later: whose turn comes soon may not see it.
                let StageFigures { at_once, queued, overtaken, .. } = oven;
                completed == CUSTOMERS
                    && (at_once, overtaken) == (OVEN_PLACES, 0)
                    && queued >= CUSTOMERS / 2
                    && waited.is_some_and(|waited| waited.were_told >= CUSTOMERS / 10)
            }
            Self::LateCustomer => {
                let half = CUSTOMERS / 2;
                let all = LateFigures { late: half, were_ready: half, were_completed: half };
                completed == CUSTOMERS && late == Some(all)
            }
            Self::BrokenWebhook => {
                completed == CUSTOMERS && messages.is_some_and(|all| all.broken_webhook_holds())
            }
            Self::SmtpDown => {
                completed == CUSTOMERS && messages.is_some_and(|all| all.smtp_down_holds())
            }
        };
        if !holds {
            let what = format!("not so: {}; {told:?}, {saw:?}", self.claim());
            findings.add(Kind::Lost, "(all)", what);
        }
        ScenarioFigures { name: self, claim: self.claim(), holds, outage, waited, late, messages }
    }

    /// Whether its customers pay by card.
    fn pays(self, number: u64) -> bool {
        match self {
            Self::PaymentOutage => true,
            Self::CancelRace | Self::LastUnit => number.is_multiple_of(2),
            Self::CouponRush
            | Self::SlowOven
            | Self::LateCustomer
            | Self::BrokenWebhook
            | Self::SmtpDown => false,
        }
    }

    /// Every other one comes late, where any do.
    pub(super) fn comes_late(self, number: u64) -> bool {
        self == Self::LateCustomer && number.is_multiple_of(2)
    }

    fn customer(self, run: &str, number: u64) -> String {
        // A run's name ends with a hyphen.
        let late = if self.comes_late(number) { &COMES_LATE[1..] } else { "" };
        format!("{run}{late}guest-{number}")
    }

    /// Where its customer is told, where any are.
    pub(super) fn reach(self, number: u64, outside: Option<&Outside>) -> Reach {
        match self {
            Self::BrokenWebhook | Self::SmtpDown => reach(number, outside),
            _ => Reach::default(),
        }
    }

    pub(super) fn order(self, run: &str, number: u64, to: &Reach) -> Value {
        let sku = if self == Self::LastUnit { LAST } else { "margherita" };
        let mut order = json!({
            "user_id": self.customer(run, number),
            "currency": "EUR",
            "lines": [{ "sku": sku, "quantity": 1, "unit_price": "8.50" }],
        });
        if *to != Reach::default() {
            order["contact"] = to.contact();
        }
        if self.pays(number) {
            // Every tenth answer of the provider is lost once.
            let token = if number.is_multiple_of(20) { "tok_timeout_once" } else { "tok_ok" };
            order["payment_token"] = token.into();
        }
        if self == Self::CouponRush {
            order["coupons"] = json!([COUPON]);
        }
        order
    }
}

/// What the claim is held against, beside how the orders ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saw {
    pub(super) outage: Option<OutageFigures>,
    pub(super) waited: Option<WaitedFigures>,
    pub(super) late: Option<LateFigures>,
    /// What happened at the stage of that name.
    pub(super) oven: StageFigures,
    pub(super) messages: Option<MessageFigures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(turned_away: u64, confirmed: u64) -> Saw {
        Saw { outage: Some(OutageFigures { turned_away, confirmed }), ..Saw::default() }
    }

    /// The claim holds, and nothing is found.
    fn holds(scenario: ShopScenario, told: Figures, saw: Saw) {
        let mut findings = Findings::default();
        let figures = scenario.check(&told, &saw, &mut findings);
        assert!(figures.holds && findings.is_empty(), "{scenario:?}: {findings:?}");
        assert_eq!((figures.name, figures.outage), (scenario, saw.outage));
    }

    /// It doesn't, and that is found.
    fn fails(scenario: ShopScenario, told: Figures, saw: Saw) {
        let mut findings = Findings::default();
        let figures = scenario.check(&told, &saw, &mut findings);
        assert!(!figures.holds && !findings.is_empty(), "{scenario:?}: {told:?}, {saw:?}");
        let what = &findings.shown[0].what;
        assert!(what.starts_with(&format!("not so: {}", scenario.claim())), "{what}");
    }

    fn ended(completed: u64, rejected: u64) -> Figures {
        Figures { completed, rejected, ..Figures::default() }
    }

    #[test]
    fn of_a_last_unit_or_a_coupon_neither_more_nor_fewer_than_fifty_are_had() {
        for scenario in [ShopScenario::LastUnit, ShopScenario::CouponRush] {
            holds(scenario, ended(50, 150), Saw::default());
            for (completed, rejected) in [(51, 149), (49, 151), (50, 149), (200, 0), (0, 0)] {
                fails(scenario, ended(completed, rejected), Saw::default());
            }
        }
    }

    #[test]
    fn in_a_cancel_race_each_order_ends_in_one_of_the_two_ways_and_both_happen() {
        let raced = |completed, cancelled, cancellations_refused| Figures {
            completed,
            cancelled,
            cancellations_refused,
            ..Figures::default()
        };
        holds(ShopScenario::CancelRace, raced(120, 80, 120), Saw::default());
        for told in [
            // One is neither, or both.
            raced(119, 80, 119),
            raced(121, 80, 121),
            // All in time, or all too late.
            raced(0, 200, 0),
            raced(200, 0, 200),
            // One that was to be cancelled was completed, and nobody was told why; one was told both.
            raced(120, 80, 119),
            raced(120, 80, 121),
        ] {
            fails(ShopScenario::CancelRace, told, Saw::default());
        }
    }

    #[test]
    fn in_a_payment_outage_every_order_waits_for_the_provider() {
        let all = ended(200, 0);
        holds(ShopScenario::PaymentOutage, all, outage(200, 0));
        fails(ShopScenario::PaymentOutage, ended(199, 1), outage(200, 0));
        fails(ShopScenario::PaymentOutage, all, Saw::default());
        for (turned_away, confirmed) in [(199, 0), (0, 0), (200, 1)] {
            fails(ShopScenario::PaymentOutage, all, outage(turned_away, confirmed));
        }
    }

    #[test]
    fn a_slow_oven_is_full_never_more_and_everybody_has_their_turn() {
        let oven = StageFigures { at_once: 4, queued: 196, ..StageFigures::default() };
        let saw = |oven, were_told| Saw {
            oven,
            waited: Some(WaitedFigures { were_told }),
            ..Saw::default()
        };
        let all = ended(200, 0);
        holds(ShopScenario::SlowOven, all, saw(oven, 190));
        for oven in [
            StageFigures { at_once: 5, ..oven },
            StageFigures { at_once: 3, ..oven },
            StageFigures { queued: 10, ..oven },
            StageFigures { overtaken: 1, ..oven },
        ] {
            fails(ShopScenario::SlowOven, all, saw(oven, 190));
        }
        fails(ShopScenario::SlowOven, all, saw(oven, 10));
        fails(ShopScenario::SlowOven, ended(199, 1), saw(oven, 190));
    }

    #[test]
    fn what_is_ready_waits_for_everybody_who_comes_late() {
        let saw = |late, were_ready, were_completed| Saw {
            late: Some(LateFigures { late, were_ready, were_completed }),
            ..Saw::default()
        };
        let all = ended(200, 0);
        holds(ShopScenario::LateCustomer, all, saw(100, 100, 100));
        for saw in [saw(99, 99, 99), saw(100, 99, 100), saw(100, 100, 99), Saw::default()] {
            fails(ShopScenario::LateCustomer, all, saw);
        }
        fails(ShopScenario::LateCustomer, ended(199, 1), saw(100, 100, 100));
    }
}
