//! What is left to be paid of an order while promotions take from it, one after the other.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    Basket, Given,
    fits::Misfit,
    rules::{Gives, On, Rule, Within},
};

/// What is left. The whole is kept apart from the pieces: it was rounded, they weren't.
#[derive(Clone)]
pub(crate) struct Left<'b> {
    pub(crate) whole: Decimal,
    /// By sku, category and price, so that the order of lines makes no difference.
    pieces: Vec<Pieces<'b>>,
}

/// Pieces of one sku, category and price.
#[derive(Clone)]
struct Pieces<'b> {
    sku: &'b str,
    category: Option<&'b str>,
    unit_price: Decimal,
    quantity: i64,
    left: Decimal,
}

impl<'b> Left<'b> {
    /// All of it.
    pub(crate) fn of(basket: &Basket<'b>) -> Self {
        let mut quantities: BTreeMap<_, i64> = BTreeMap::new();
        for line in basket.lines {
            if line.quantity > 0 && line.unit_price > Decimal::ZERO {
                *quantities.entry((line.sku, line.category, line.unit_price)).or_default() +=
                    i64::from(line.quantity);
            }
        }
        let pieces = quantities.into_iter().map(|((sku, category, unit_price), quantity)| {
            let left = unit_price.saturating_mul(quantity.into());
            Pieces { sku, category, unit_price, quantity, left }
        });
        Self { whole: round(basket.total.max(Decimal::ZERO)), pieces: pieces.collect() }
    }

    /// Whether there is anything that `rule` is for, and enough of it.
    pub(crate) fn has_what_it_takes(&self, rule: &Rule) -> Result<(), Misfit> {
        let meant = self.meant(rule);
        match &rule.gives {
            Gives::Free { buy, get, within } => {
                let least = buy + get;
                let sets = self.sets(&meant, *within);
                if sets.values().any(|among| self.count(among) >= i64::from(least)) {
                    Ok(())
                } else {
                    Err(if sets.is_empty() { Misfit::Lines } else { Misfit::Pieces { least } })
                }
            }
            _ if meant.is_empty() => Err(Misfit::Lines),
            _ => Ok(()),
        }
    }

    /// Takes what `rule` gives.
    pub(crate) fn take(&mut self, rule: &Rule) -> Vec<Given> {
        let meant = self.meant(rule);
        let by_sku = matches!(rule.on, On::Skus(_));
        match &rule.gives {
            Gives::Percent(percent) if by_sku => {
                let each = self.by(&meant, |pieces| Some(pieces.sku));
                let give = |(sku, among): (&'b str, Vec<usize>)| {
                    let wish = part(self.sum(&among), *percent);
                    self.give(rule, Some(sku), wish, &among)
                };
                each.into_iter().filter_map(give).collect()
            }
            Gives::Percent(percent) => {
                let wish = part(self.base(&meant), *percent);
                self.give(rule, None, wish, &meant).into_iter().collect()
            }
            Gives::AmountOff(amount) => {
                let skus = self.by(&meant, |pieces| Some(pieces.sku));
                let sku = skus.into_keys().next().filter(|sku| by_sku && self.is_all(&meant, sku));
                self.give(rule, sku, *amount, &meant).into_iter().collect()
            }
            Gives::Free { buy, get, within } => {
                let mut given = Vec::new();
                for among in self.sets(&meant, *within).into_values() {
                    let free = self.count(&among) / i64::from(buy + get) * i64::from(*get);
                    for (sku, (wish, among)) in self.cheapest(among, free) {
                        given.extend(self.give(rule, Some(sku), wish, &among));
                    }
                }
                given
            }
        }
    }

    fn meant(&self, rule: &Rule) -> Vec<usize> {
        let each = self.pieces.iter().enumerate();
        each.filter(|(_, p)| rule.on.means(p.sku, p.category)).map(|(at, _)| at).collect()
    }

    /// Where pieces count together; those of no category count nowhere by category.
    fn sets(&self, meant: &[usize], within: Within) -> BTreeMap<&'b str, Vec<usize>> {
        self.by(meant, |pieces| match within {
            Within::Sku => Some(pieces.sku),
            Within::Category => pieces.category,
        })
    }

    fn by(
        &self,
        among: &[usize],
        name: impl Fn(&Pieces<'b>) -> Option<&'b str>,
    ) -> BTreeMap<&'b str, Vec<usize>> {
        let mut sets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for &at in among {
            if let Some(name) = name(&self.pieces[at]) {
                sets.entry(name).or_default().push(at);
            }
        }
        sets
    }

    fn is_all(&self, among: &[usize], sku: &str) -> bool {
        among.iter().all(|&at| self.pieces[at].sku == sku)
    }

    fn count(&self, among: &[usize]) -> i64 {
        among.iter().map(|&at| self.pieces[at].quantity).sum()
    }

    /// What the cheapest pieces come to, as many as are free, by sku and with where they are.
    fn cheapest(
        &self,
        mut among: Vec<usize>,
        mut free: i64,
    ) -> BTreeMap<&'b str, (Decimal, Vec<usize>)> {
        among.sort_by_key(|&at| (self.pieces[at].unit_price, at));
        let mut found: BTreeMap<_, (Decimal, Vec<usize>)> = BTreeMap::new();
        for at in among {
            let pieces = &self.pieces[at];
            let some = free.min(pieces.quantity);
            if some == 0 {
                break;
            }
            free -= some;
            let (some, all) = (Decimal::from(some), Decimal::from(pieces.quantity));
            // Dividing first would round, unless there is no room for it otherwise.
            let share = match pieces.left.checked_mul(some) {
                Some(product) => product / all,
                None => pieces.left * (some / all),
            };
            let (wish, places) = found.entry(pieces.sku).or_default();
            *wish = wish.saturating_add(share);
            places.push(at);
        }
        found
    }

    fn sum(&self, among: &[usize]) -> Decimal {
        among.iter().fold(Decimal::ZERO, |sum, &at| sum.saturating_add(self.pieces[at].left))
    }

    /// What is left of these; of all of them, what is left of the whole.
    fn base(&self, among: &[usize]) -> Decimal {
        if among.len() == self.pieces.len() { self.whole } else { self.sum(among) }
    }

    /// Gives what can be given of `wish`, rounded.
    fn give(
        &mut self,
        rule: &Rule,
        sku: Option<&str>,
        wish: Decimal,
        among: &[usize],
    ) -> Option<Given> {
        let there = if sku.is_some() { self.sum(among) } else { self.base(among) };
        let mut amount = round(wish).min(whole_cents(there)).min(self.whole);
        amount.rescale(2);
        if amount <= Decimal::ZERO {
            return None;
        }
        self.whole -= amount;
        self.spread(amount, among);
        Some(Given {
            rule: rule.name.clone(),
            coupon: rule.coupon.as_ref().map(|coupon| coupon.code.clone()),
            sku: sku.map(str::to_owned),
            amount,
        })
    }

    /// Takes `amount` from these, from each in proportion, and what doesn't divide from the first.
    fn spread(&mut self, amount: Decimal, among: &[usize]) {
        let sum = self.sum(among);
        if sum <= Decimal::ZERO {
            return;
        }
        let (part, mut rest) = (amount.min(sum) / sum, amount);
        for &at in among {
            let left = self.pieces[at].left;
            let share = (left * part).trunc_with_scale(4).min(left).min(rest);
            self.pieces[at].left -= share;
            rest -= share;
        }
        for &at in among {
            let share = rest.min(self.pieces[at].left);
            self.pieces[at].left -= share;
            rest -= share;
        }
    }
}

fn part(of: Decimal, percent: Decimal) -> Decimal {
    of * (percent / Decimal::ONE_HUNDRED)
}

fn round(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn whole_cents(amount: Decimal) -> Decimal {
    amount.trunc_with_scale(2)
}
