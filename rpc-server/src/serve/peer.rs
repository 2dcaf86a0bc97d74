//! [`PeerKey`]: the unit by which connections are shared fairly. An IPv4 address is one peer, and so is an IPv6 /64
//! network.

use std::net::{IpAddr, SocketAddr};

/// The key of one peer: an IPv4 address, or an IPv6 /64 network, since one host usually has all of its addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PeerKey(u64);

impl PeerKey {
    /// The key of all peers without a known address. It is within 0:fffe::/32, which no IPv6 host has.
    const UNKNOWN: Self = Self(0xfffe << 32);

    /// Returns the key of a peer's address, or [`UNKNOWN`](Self::UNKNOWN) without one.
    pub(super) fn of_peer(peer_addr: Option<SocketAddr>) -> Self {
        peer_addr.map_or(Self::UNKNOWN, |peer_addr| Self::of(peer_addr.ip()))
    }

    /// Returns the key of an address: all of an IPv4 address, or the first 64 bits of an IPv6 address.
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            // Within 0:ffff::/32, which no IPv6 host has.
            IpAddr::V4(ip) => Self((0xffff << 32) | u64::from(ip.to_bits())),
            IpAddr::V6(ip) => Self((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PeerKey;

    fn key(ip: &str) -> PeerKey {
        PeerKey::of(ip.parse().unwrap())
    }

    #[test]
    fn a_peer_is_an_address_of_ipv4_or_a_network_of_ipv6() {
        assert_eq!(key("127.0.0.1"), key("::ffff:127.0.0.1"));
        assert_ne!(key("127.0.0.1"), key("127.0.0.2"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::2:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("::1"), key("127.0.0.1"));
        assert_eq!(PeerKey::of_peer(Some("127.0.0.1:80".parse().unwrap())), key("127.0.0.1"));
        assert!(!["::", "0.0.0.0", "255.255.255.255"].map(key).contains(&PeerKey::of_peer(None)));
    }
}
