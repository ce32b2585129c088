//! Who is asked at once, and who is spared: no place takes all turns of a channel, and those that don't
//! answer take at most half of them together.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Places that don't answer, known at once. A forgotten one is only tried anew.
const MOST_AWAY: usize = 1_024;

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
    away: Option<Away>,
}

struct Away {
    until: Instant,
    pause: Duration,
}

/// What may be taken now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) most: usize,
    pub(crate) most_each: usize,
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
        let on_the_way: usize = self.known.values().map(|place| place.on_the_way).sum();
        let away = self.known.values().filter(|place| place.away.is_some());
        let of_away: usize = away.map(|place| place.on_the_way).sum();
        let mut room_for_away = (self.most / 2).max(1).saturating_sub(of_away);
        let (mut most_each, mut but_not) = (self.most_each, Vec::new());
        for (name, place) in &self.known {
            let room = match &place.away {
                Some(away) if away.until > now => 0,
                Some(_) => {
                    let room = self.most_away.saturating_sub(place.on_the_way).min(room_for_away);
                    room_for_away -= room;
                    room
                }
                None => self.most_each.saturating_sub(place.on_the_way),
            };
            match room {
                0 => but_not.push(name.clone()),
                // All get as few as one of them may: the next turn is at once.
                room => most_each = most_each.min(room),
            }
        }
        Turn { most: self.most.saturating_sub(on_the_way), most_each, but_not }
    }

    pub(crate) fn taken(&mut self, place: &str) {
        self.known.entry(place.to_owned()).or_default().on_the_way += 1;
    }

    /// One is back. `is_away`: without an answer; then says how long nobody asks there.
    pub(crate) fn done(&mut self, name: &str, is_away: bool, now: Instant) -> Option<Duration> {
        let place = self.known.entry(name.to_owned()).or_default();
        place.on_the_way = place.on_the_way.saturating_sub(1);
        let pause = is_away.then(|| match &place.away {
            // Those that set out before it was known add nothing.
            Some(away) if away.until > now => away.pause,
            Some(away) => (away.pause * 2).min(self.pauses.most),
            None => self.pauses.first,
        });
        place.away = pause.map(|pause| Away { until: now + pause, pause });
        if place.on_the_way == 0 && place.away.is_none() {
            self.known.remove(name);
        }
        if self.known.len() > MOST_AWAY {
            self.known.retain(|_, place| place.on_the_way > 0);
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(most: usize, most_each: usize) -> Bounds {
        Bounds { most, most_each, most_away: 1 }
    }

    const PAUSES: Pauses = Pauses { first: Duration::from_secs(1), most: Duration::from_secs(3) };

    #[test]
    fn one_place_takes_no_more_than_its_part() {
        let mut places = Places::new(bounds(8, 3), PAUSES);
        let now = Instant::now();
        assert_eq!(places.turn(now), Turn { most: 8, most_each: 3, but_not: vec![] });
        places.taken("a");
        assert_eq!(places.turn(now), Turn { most: 7, most_each: 2, but_not: vec![] });
        places.taken("a");
        places.taken("a");
        assert_eq!(places.turn(now), Turn { most: 5, most_each: 3, but_not: vec!["a".into()] });
        assert_eq!(places.done("a", false, now), None);
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
            assert_eq!(seconds(places.done("a", true, now)), Some(1));
        }
        let mut pause = PAUSES.first;
        for expected in [2, 3, 3] {
            assert_eq!(places.turn(now).but_not, ["a"]);
            now += pause;
            assert_eq!(places.turn(now), Turn { most: 8, most_each: 1, but_not: vec![] });
            places.taken("a");
            assert_eq!(places.turn(now).but_not, ["a"]);
            assert_eq!(seconds(places.done("a", true, now)), Some(expected));
            pause = Duration::from_secs(expected);
        }
        now += Duration::from_secs(3);
        places.taken("a");
        assert_eq!(places.done("a", false, now), None);
        assert_eq!(places.turn(now), Turn { most: 8, most_each: 3, but_not: vec![] });
    }

    #[test]
    fn those_that_do_not_answer_take_at_most_half_of_the_turns_together() {
        let mut places = Places::new(bounds(4, 3), PAUSES);
        let now = Instant::now();
        for place in ["a", "b", "c", "d"] {
            places.taken(place);
            places.done(place, true, now);
        }
        let later = now + PAUSES.first;
        let Turn { but_not, most_each, .. } = places.turn(later);
        assert_eq!((but_not.len(), most_each), (2, 1));
        for place in
            ["a", "b", "c", "d"].iter().filter(|place| !but_not.contains(&(**place).into()))
        {
            places.taken(place);
        }
        let turn = places.turn(later);
        assert_eq!((turn.most, turn.most_each, turn.but_not.len()), (2, 3, 4));
    }

    #[test]
    fn what_is_known_is_bounded() {
        let mut places = Places::new(bounds(4, 3), PAUSES);
        let now = Instant::now();
        for number in 0..3 * MOST_AWAY {
            let place = format!("{number}");
            places.taken(&place);
            places.done(&place, true, now);
            assert!(places.known.len() <= MOST_AWAY);
        }
    }
}
