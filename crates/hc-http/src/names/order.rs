//! In which order addresses are dialled: families in turns (RFC 8305, 4), one without a way from here last (RFC 6724,
//! rule 1).

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The addresses of two families in turns, each family in its own order.
pub(super) fn in_turns(v6: Vec<IpAddr>, v4: Vec<IpAddr>, v6_first: bool) -> Vec<IpAddr> {
    let (first, second) = if v6_first { (v6, v4) } else { (v4, v6) };
    let mut all = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return all;
        }
        all.extend(one.into_iter().chain(other));
    }
}

/// Whether this machine knows a way to the first of them. Connecting a UDP socket asks the routing table and sends
/// nothing.
pub(super) fn has_route_to(addresses: &[IpAddr]) -> bool {
    let Some(ip) = addresses.first() else {
        return false;
    };
    let any = if ip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // The port is of no matter, but 0 is none.
    UdpSocket::bind(any).is_ok_and(|socket| socket.connect(SocketAddr::new(*ip, 9)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let all = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let v6 = || all(&["::1", "::2", "::3"]);
        let v4 = || all(&["127.0.0.1"]);
        assert_eq!(
            in_turns(v6(), v4(), true),
            all(&["::1", "127.0.0.1", "::2", "::3"])
        );
        assert_eq!(
            in_turns(v6(), v4(), false),
            all(&["127.0.0.1", "::1", "::2", "::3"])
        );
        assert_eq!(in_turns(v6(), Vec::new(), false), v6());
    }
}
