//! Which partition a key's records are in, as Kafka's Java clients and this SDK's emitter choose:
//! murmur2 of the key, its sign bit cut off, modulo the number of partitions.

/// The partition of `key` in a topic that has `partitions`, which is at least 1.
pub fn partition_of_key(key: &[u8], partitions: i32) -> i32 {
    let positive = i32::from_ne_bytes((murmur2(key) & 0x7fff_ffff).to_ne_bytes());
    positive % partitions.max(1)
}

/// MurmurHash2 of 32 bits by Austin Appleby (public domain), with the seed of Kafka's clients.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const FACTOR: u32 = 0x5bd1_e995;

    // Kafka hashes lengths of 32 bits; a key is never longer.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(FACTOR) ^ mixed.wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Kafka's own tests of its Java client expect.
    #[test]
    fn it_hashes_as_javas_clients() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), i32::cast_unsigned(hash), "{key}");
        }
    }
}
