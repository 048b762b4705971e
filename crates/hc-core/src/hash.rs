//! A hash that is the same in every process and on every machine, because phases and uids are made of it.

/// FNV-1a over the parts with a separator between them, then murmur's finaliser to spread it over all bits.
///
/// Not for hostile keys: it spreads targets over an interval and over shards.
///
/// ```
/// use hc_core::stable_hash;
///
/// assert_ne!(stable_hash(&["ab", "c"]), stable_hash(&["a", "bc"]));
/// assert_eq!(stable_hash(&["web1", "api"]), stable_hash(&["web1", "api"]));
/// ```
#[must_use]
pub fn stable_hash(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    for part in parts {
        part.bytes().for_each(&mut eat);
        // No UTF-8 text has this byte, so the parts cannot run together.
        eat(0xff);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
