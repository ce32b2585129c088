//! Which key each record has: drawn, but the same in every run.

/// How often keys come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skew {
    /// Each as often as any other.
    Uniform,
    /// The k-th as often as k^-1.1: with 1,000 keys the first has 18 % of the records.
    Zipf,
}

/// Zipf's exponent.
const EXPONENT: f64 = 1.1;

/// Draws keys, without end.
pub(crate) struct Keys {
    /// Of each key: the share of it and of those before it.
    up_to: Vec<f64>,
    state: u64,
}

impl Keys {
    pub(crate) fn new(count: u32, skew: Skew) -> Self {
        let weight = |key: u32| match skew {
            Skew::Uniform => 1.0,
            Skew::Zipf => f64::from(key + 1).powf(-EXPONENT),
        };
        let mut sum = 0.0;
        let mut up_to: Vec<f64> = (0..count)
            .map(|key| {
                sum += weight(key);
                sum
            })
            .collect();
        for share in &mut up_to {
            *share /= sum;
        }
        Self { up_to, state: 0x0005_DEEC_E66D }
    }
}

impl Iterator for Keys {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        // SplitMix64: each step is a good draw by itself.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let drawn = (z >> 11) as f64 / (1_u64 << 53) as f64;
        let key = self.up_to.partition_point(|share| *share <= drawn);
        u32::try_from(key.min(self.up_to.len() - 1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipfs_first_key_has_its_share() {
        let drawn: Vec<u32> = Keys::new(1_000, Skew::Zipf).take(100_000).collect();
        let first = drawn.iter().filter(|key| **key == 0).count();
        assert!((17_000..19_500).contains(&first), "{first}");
        assert!(drawn.iter().all(|key| *key < 1_000));
    }

    #[test]
    fn uniform_keys_come_about_as_often_as_each_other() {
        let mut counts = [0; 100];
        Keys::new(100, Skew::Uniform).take(100_000).for_each(|key| counts[key as usize] += 1);
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
