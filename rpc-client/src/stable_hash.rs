//! A hash that is the same in every process and every release: of a call's hash key, and of an endpoint's address.

/// Returns the hash of bytes: 64-bit FNV-1a, with the finalizer of SplitMix64.
///
/// The standard library's hash may change with each of its releases. Then clients would send a key to other endpoints.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    mix(fnv1a(bytes))
}

/// Returns the hash of a pair of hashes or numbers.
pub(crate) fn stable_hash_of_pair(one: u64, other: u64) -> u64 {
    mix(one ^ other)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finalizer of SplitMix64: a change of any bit of the input changes each bit of the output half the time.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::{fnv1a, mix, stable_hash};

    #[test]
    fn hash_has_the_published_values() {
        // https://datatracker.ietf.org/doc/html/draft-eastlake-fnv, appendix C.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        // The first output of SplitMix64 with the seed 0.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
        assert_eq!(stable_hash(b"foobar"), mix(0x8594_4171_f739_67e8));
    }
}
