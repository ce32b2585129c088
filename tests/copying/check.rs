//! What was copied against what there was: each item once, in the order of its key, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A record as it lies in a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lying {
    /// Where.
    pub partition: i32,
    /// Where in it.
    pub offset: i64,
    /// Of the record, and of the event.
    pub key: String,
    /// Which of the key.
    pub number: i64,
    /// Of a copy: what the transform made. Of an item: what it should make.
    pub seal: i64,
}

/// What is wrong with copies; each a key and numbers of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Items without a copy.
    pub missing: Vec<(String, Vec<i64>)>,
    /// Items with several.
    pub doubled: Vec<(String, Vec<i64>)>,
    /// Copies before one whose item came earlier.
    pub inverted: Vec<(String, Vec<i64>)>,
    /// Copies of what never was, or not as the transform makes them.
    pub foreign: Vec<(String, Vec<i64>)>,
    /// Keys in several partitions.
    pub scattered: Vec<String>,
}

impl Findings {
    /// Of these copies of these items. Each in the order in which it lies in its partition.
    pub fn of(items: &[Lying], copies: &[Lying]) -> Self {
        let (mut items, mut copies) = (by_key(items), by_key(copies));
        let keys: BTreeSet<String> = items.keys().chain(copies.keys()).cloned().collect();
        let mut all = Self::default();
        for key in keys {
            let (items, copies) =
                (items.remove(&key).unwrap_or_default(), copies.remove(&key).unwrap_or_default());
            all.compare(key, &items, &copies);
        }
        all
    }

    fn compare(&mut self, key: String, items: &[&Lying], copies: &[&Lying]) {
        let place: BTreeMap<i64, (usize, i64)> =
            items.iter().enumerate().map(|(at, item)| (item.number, (at, item.seal))).collect();
        let mut seen = BTreeMap::<i64, u32>::new();
        let (mut inverted, mut foreign, mut reached) = (Vec::new(), Vec::new(), None);
        for copy in copies {
            let Some((at, _)) = place.get(&copy.number).filter(|(_, seal)| *seal == copy.seal)
            else {
                foreign.push(copy.number);
                continue;
            };
            let count = seen.entry(copy.number).or_default();
            *count += 1;
            // A second copy of it is wrong already, wherever it lies.
            if *count == 1 && reached > Some(*at) {
                inverted.push(copy.number);
            }
            reached = reached.max(Some(*at));
        }
        let missing = items.iter().map(|item| item.number).filter(|it| !seen.contains_key(it));
        let doubled = seen.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number);
        let found = [
            (&mut self.missing, missing.collect::<Vec<_>>()),
            (&mut self.doubled, doubled.collect()),
            (&mut self.inverted, inverted),
            (&mut self.foreign, foreign),
        ];
        for (all, numbers) in found {
            if !numbers.is_empty() {
                all.push((key.clone(), numbers));
            }
        }
        let partitions = |of: &[&Lying]| of.iter().map(|it| it.partition).collect::<BTreeSet<_>>();
        if partitions(items).len() > 1 || partitions(copies).len() > 1 {
            self.scattered.push(key);
        }
    }

    /// Whether nothing is.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

fn by_key(all: &[Lying]) -> BTreeMap<String, Vec<&Lying>> {
    let mut keys = BTreeMap::<String, Vec<&Lying>>::new();
    for lying in all {
        keys.entry(lying.key.clone()).or_default().push(lying);
    }
    keys
}

/// Keys that are named of each kind.
const SHOWN: usize = 5;

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |of: &[(String, Vec<i64>)]| of.iter().map(|(_, them)| them.len()).sum::<usize>();
        let kinds = [
            ("missing", &self.missing),
            ("doubled", &self.doubled),
            ("inverted", &self.inverted),
            ("foreign", &self.foreign),
        ];
        let counts: Vec<_> =
            kinds.iter().map(|(kind, of)| format!("{} {kind}", count(of))).collect();
        write!(f, "{}, {} keys scattered", counts.join(", "), self.scattered.len())?;
        for (kind, of) in kinds {
            for (key, numbers) in of.iter().take(SHOWN) {
                write!(f, "\n  {kind}: {key} {:?}", &numbers[..numbers.len().min(20)])?;
            }
        }
        Ok(())
    }
}

/// Where two readings of a topic differ, in words; `None` where they don't.
pub fn difference(one: &[Lying], other: &[Lying]) -> Option<String> {
    let by_place = |all: &[Lying]| {
        let mut all = all.to_vec();
        all.sort();
        all
    };
    let (one, other) = (by_place(one), by_place(other));
    let first = one.iter().zip(&other).find(|(one, other)| one != other);
    match first {
        Some((one, other)) => Some(format!("{one:?} or {other:?}")),
        None if one.len() != other.len() => {
            Some(format!("{} records or {}", one.len(), other.len()))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of a key, in the order in which they lie in partition 3.
    fn lying(key: &str, numbers: &[i64]) -> Vec<Lying> {
        let each = |(offset, number): (i64, &i64)| Lying {
            partition: 3,
            offset,
            key: key.to_owned(),
            number: *number,
            seal: 10 * number,
        };
        (0..).zip(numbers).map(each).collect()
    }

    fn found(copies: &[i64]) -> Findings {
        Findings::of(&lying("a", &[1, 2, 3, 4]), &lying("a", copies))
    }

    fn of_a(numbers: &[i64]) -> Vec<(String, Vec<i64>)> {
        vec![("a".to_owned(), numbers.to_vec())]
    }

    #[test]
    fn each_once_and_in_order_is_clean() {
        assert!(found(&[1, 2, 3, 4]).is_clean());
        assert!(Findings::of(&[], &[]).is_clean());
    }

    #[test]
    fn other_keys_may_lie_in_between() {
        let items = [lying("a", &[1, 2]), lying("b", &[1, 2])].concat();
        let copies = [lying("b", &[1]), lying("a", &[1, 2]), lying("b", &[2])].concat();
        assert!(Findings::of(&items, &copies).is_clean());
    }

    #[test]
    fn one_that_is_missing_is_found() {
        assert_eq!(found(&[1, 2, 4]), Findings { missing: of_a(&[3]), ..Findings::default() });
        assert_eq!(found(&[]), Findings { missing: of_a(&[1, 2, 3, 4]), ..Findings::default() });
    }

    #[test]
    fn one_that_is_doubled_is_found_at_once_or_later() {
        let doubled = Findings { doubled: of_a(&[2]), ..Findings::default() };
        assert_eq!(found(&[1, 2, 2, 3, 4]), doubled);
        assert_eq!(found(&[1, 2, 3, 4, 2]), doubled);
    }

    #[test]
    fn two_that_are_inverted_are_found() {
        assert_eq!(found(&[1, 3, 2, 4]), Findings { inverted: of_a(&[2]), ..Findings::default() });
        // In the order in which items lie, whatever their numbers.
        let (items, copies) = (lying("a", &[2, 1]), lying("a", &[1, 2]));
        assert_eq!(Findings::of(&items, &copies).inverted, of_a(&[2]));
    }

    #[test]
    fn one_that_never_was_or_is_another_is_found() {
        assert_eq!(found(&[1, 2, 3, 4, 5]).foreign, of_a(&[5]));
        let mut copies = lying("a", &[1, 2, 3, 4]);
        copies[1].seal += 1;
        let found = Findings::of(&lying("a", &[1, 2, 3, 4]), &copies);
        let (missing, foreign) = (of_a(&[2]), of_a(&[2]));
        assert_eq!(found, Findings { missing, foreign, ..Findings::default() });
        assert_eq!(Findings::of(&[], &lying("b", &[1])).foreign, [("b".to_owned(), vec![1])]);
    }

    #[test]
    fn a_key_in_two_partitions_is_found() {
        let mut copies = lying("a", &[1, 2, 3, 4]);
        copies[3].partition = 4;
        let found = Findings::of(&lying("a", &[1, 2, 3, 4]), &copies);
        assert_eq!(found.scattered, ["a"]);
    }

    #[test]
    fn what_is_found_is_told() {
        let said = found(&[1, 3, 2, 2]).to_string();
        assert!(said.starts_with("1 missing, 1 doubled, 1 inverted, 0 foreign, 0 keys"), "{said}");
        assert!(said.contains("doubled: a [2]"), "{said}");
    }

    #[test]
    fn two_readers_that_saw_different_things_are_found() {
        let whole = lying("a", &[1, 2, 3]);
        let mut turned = whole.clone();
        turned.reverse();
        assert_eq!(difference(&whole, &turned), None, "partitions come as they like");
        assert!(difference(&whole, &whole[..2]).is_some());
        let mut other = whole.clone();
        other[1].number = 9;
        assert!(difference(&whole, &other).is_some());
    }
}
