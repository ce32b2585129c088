//! Who is asked at once, and who is spared: no place takes all turns of a channel, and those that don't
//! answer, or never did yet, take at most half of them together. So who answered last waits for none of
//! them, under however many names they come.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use http::Uri;

use super::outcome::Heard;

/// Places that are remembered at once. A forgotten one is only tried anew.
const MOST_KNOWN: usize = 1_024;

/// Who is asked: slow or dead, they take no place of others.
pub(crate) fn place_of(url: &str) -> String {
    let authority = url.parse::<Uri>().ok().and_then(|uri| uri.into_parts().authority);
    authority.map_or_else(|| "?".to_owned(), |authority| authority.as_str().to_ascii_lowercase())
}

/// How long a place that doesn't answer is let be: longer each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

/// Deliveries of one channel that are on their way at once, in this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) most: usize,
    /// To one place.
    pub(crate) most_each: usize,
    /// To one that doesn't answer.
    pub(crate) most_away: usize,
}

/// The turns of one channel in this process.
pub(crate) struct Places {
    /// Deliveries on their way at once.
    most: usize,
    /// To one place.
    most_each: usize,
    /// To one that doesn't answer.
    most_away: usize,
    pauses: Pauses,
    known: HashMap<String, Place>,
}

#[derive(Default)]
struct Place {
    on_the_way: usize,
    stands: Stands,
}

/// What was heard of a place last.
#[derive(Default)]
enum Stands {
    #[default]
    New,
    Answered(Instant),
    Away {
        until: Instant,
        pause: Duration,
    },
}

/// What may be taken now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) most: usize,
    pub(crate) most_each: usize,
    /// To all places together but those that answered.
    pub(crate) most_others: usize,
    /// Those that answered, where they have room.
    pub(crate) answered: Vec<String>,
    /// Those that have no room.
    pub(crate) but_not: Vec<String>,
}

impl Places {
    pub(crate) fn new(bounds: Bounds, pauses: Pauses) -> Self {
        let Bounds { most, most_each, most_away } = bounds;
        Self {
            most,
            most_each: most_each.max(1),
            most_away: most_away.max(1),
            pauses,
            known: HashMap::new(),
        }
    }

    pub(crate) fn turn(&self, now: Instant) -> Turn {
        let on_the_way = |place: &Place| place.on_the_way;
        let to_all: usize = self.known.values().map(on_the_way).sum();
        let others = self.known.values().filter(|p| !matches!(p.stands, Stands::Answered(_)));
        let to_others: usize = others.map(on_the_way).sum();
        let most_others = (self.most / 2).max(1).saturating_sub(to_others);
        let (mut answered, mut but_not) = (Vec::new(), Vec::new());
        let mut most_each = self.most_each;
        for (name, place) in &self.known {
            let (has_answered, most) = match place.stands {
                Stands::Answered(_) => (true, self.most_each),
                Stands::New => (false, self.most_each),
                Stands::Away { until, .. } if until > now => (false, 0),
                Stands::Away { .. } => (false, self.most_away),
            };
            let room = most.saturating_sub(place.on_the_way);
            match room {
                0 => but_not.push(name.clone()),
                _ if has_answered => answered.push(name.clone()),
                _ => {}
            }
            // All get as few as one of them may: the next turn is at once.
            if room > 0 && (has_answered || most_others > 0) {
                most_each = most_each.min(room);
            }
        }
        let most = self.most.saturating_sub(to_all);
        Turn { most, most_each, most_others, answered, but_not }
    }

    pub(crate) fn taken(&mut self, place: &str) {
        self.known.entry(place.to_owned()).or_default().on_the_way += 1;
    }

    /// One is back. Without an answer it says how long nobody asks there.
    pub(crate) fn done(&mut self, name: &str, heard: &Heard, now: Instant) -> Option<Duration> {
        let place = self.known.entry(name.to_owned()).or_default();
        place.on_the_way = place.on_the_way.saturating_sub(1);
        let mut let_be = None;
        match heard {
            Heard::Answer => place.stands = Stands::Answered(now),
            Heard::Nothing(_) => {
                let pause = match place.stands {
                    // Those that set out before it was known add nothing.
                    Stands::Away { until, pause } if until > now => pause,
                    Stands::Away { pause, .. } => (pause * 2).min(self.pauses.most),
                    _ => self.pauses.first,
                };
                place.stands = Stands::Away { until: now + pause, pause };
                let_be = Some(pause);
            }
            Heard::NotAsked => {}
        }
        if place.on_the_way == 0 && matches!(place.stands, Stands::New) {
            self.known.remove(name);
        }
        while self.known.len() > MOST_KNOWN && self.forget_one() {}
        let_be
    }

    /// Of those where nothing is on its way the one that is missed least: who is away gets no less when it
    /// is new again, who answered shares with the others then.
    fn forget_one(&mut self) -> bool {
        let idle = self.known.iter().filter(|(_, place)| place.on_the_way == 0);
        let least = idle.min_by_key(|(_, place)| match place.stands {
            Stands::New => (0, None),
            Stands::Away { until, .. } => (1, Some(until)),
            Stands::Answered(at) => (2, Some(at)),
        });
        let Some(name) = least.map(|(name, _)| name.clone()) else { return false };
        self.known.remove(&name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(most: usize, most_each: usize) -> Bounds {
        Bounds { most, most_each, most_away: 1 }
    }

    const PAUSES: Pauses = Pauses { first: Duration::from_secs(1), most: Duration::from_secs(3) };

    fn nothing() -> Heard {
        Heard::Nothing("no answer".to_owned())
    }

    /// How many, how many to each, and to whom none.
    fn turn(places: &Places, now: Instant) -> (usize, usize, Vec<String>) {
        let Turn { most, most_each, but_not, .. } = places.turn(now);
        (most, most_each, but_not)
    }

    #[test]
    fn one_place_takes_no_more_than_its_part() {
        let mut places = Places::new(bounds(8, 3), PAUSES);
        let now = Instant::now();
        assert_eq!(turn(&places, now), (8, 3, vec![]));
        places.taken("a");
        assert_eq!(turn(&places, now), (7, 2, vec![]));
        places.taken("a");
        places.taken("a");
        assert_eq!(turn(&places, now), (5, 3, vec!["a".to_owned()]));
        assert_eq!(places.done("a", &Heard::Answer, now), None);
        assert_eq!(places.turn(now).but_not, [""; 0]);
    }

    #[test]
    fn one_that_does_not_answer_is_let_be_for_longer_each_time_and_asked_alone() {
        let mut places = Places::new(bounds(8, 3), PAUSES);
        let mut now = Instant::now();
        for _ in 0..3 {
            places.taken("a");
        }
        let seconds = |pause: Option<Duration>| pause.map(|pause| pause.as_secs());
        // They set out together: that is one time.
        for _ in 0..3 {
            assert_eq!(seconds(places.done("a", &nothing(), now)), Some(1));
        }
        let mut pause = PAUSES.first;
        for expected in [2, 3, 3] {
            assert_eq!(places.turn(now).but_not, ["a"]);
            now += pause;
            assert_eq!(turn(&places, now), (8, 1, vec![]));
            places.taken("a");
            assert_eq!(places.turn(now).but_not, ["a"]);
            assert_eq!(seconds(places.done("a", &nothing(), now)), Some(expected));
            pause = Duration::from_secs(expected);
        }
        now += Duration::from_secs(3);
        places.taken("a");
        assert_eq!(places.done("a", &Heard::Answer, now), None);
        assert_eq!(turn(&places, now), (8, 3, vec![]));
    }

    #[test]
    fn those_that_do_not_answer_or_never_did_take_at_most_half_of_the_turns_together() {
        let mut places = Places::new(bounds(4, 3), PAUSES);
        let now = Instant::now();
        for place in ["good", "away"] {
            places.taken(place);
        }
        assert_eq!(places.turn(now).most_others, 0);
        places.done("good", &Heard::Answer, now);
        places.done("away", &nothing(), now);
        let later = now + PAUSES.first;
        assert_eq!(places.turn(later).most_others, 2);
        places.taken("away");
        places.taken("new");
        let turn = places.turn(later);
        assert_eq!((turn.most, turn.most_each, turn.most_others), (2, 3, 0));
        assert_eq!(turn.answered, ["good"]);
        // Its own turns are none of theirs, until it doesn't answer either.
        places.taken("good");
        places.done("away", &nothing(), later);
        assert_eq!(places.turn(later).most_others, 1);
        places.done("good", &nothing(), later);
        let turn = places.turn(later);
        assert_eq!((turn.most_others, turn.answered), (1, vec![]));
    }

    #[test]
    fn who_was_not_asked_is_known_no_better() {
        let mut places = Places::new(bounds(4, 3), PAUSES);
        let now = Instant::now();
        places.taken("new");
        places.done("new", &Heard::NotAsked, now);
        places.taken("away");
        places.done("away", &nothing(), now);
        places.taken("away");
        places.done("away", &Heard::NotAsked, now);
        let turn = places.turn(now);
        assert_eq!((turn.answered, turn.but_not), (vec![], vec!["away".to_owned()]));
        assert_eq!(places.known.len(), 1);
    }

    #[test]
    fn what_is_known_is_bounded_and_those_that_answer_are_forgotten_last() {
        let mut places = Places::new(bounds(4, 3), PAUSES);
        let mut now = Instant::now();
        places.taken("good");
        places.done("good", &Heard::Answer, now);
        for number in 0..3 * MOST_KNOWN {
            let place = format!("{number}");
            now += Duration::from_millis(1);
            places.taken(&place);
            places.done(&place, &nothing(), now);
            assert!(places.known.len() <= MOST_KNOWN);
        }
        assert_eq!(places.turn(now).answered, ["good"]);
        for number in 0..MOST_KNOWN {
            let place = format!("good-{number}");
            now += Duration::from_millis(1);
            places.taken(&place);
            places.done(&place, &Heard::Answer, now);
            assert!(places.known.len() <= MOST_KNOWN);
        }
        let answered = places.turn(now).answered;
        assert_eq!(answered.len(), MOST_KNOWN);
        assert!(!answered.contains(&"good".to_owned()));
    }
}
