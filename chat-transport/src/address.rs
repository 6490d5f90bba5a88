//! From where a request comes: the peer of the socket, or what a trusted proxy says of it.

use crate::TransportConfig;
use http::{HeaderMap, request::Parts};
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// The other end of the connection. The accept loop puts it into the request's extensions; a host with a loop of its own does so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// A range of addresses, written `10.0.0.0/8` or as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// Says whether the address lies in the range; an IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| "is not an IP address or a range of them")?;
        let widest = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| "has a prefix length that is not a number")?,
            None => widest,
        };
        if bits > widest {
            return Err("has a prefix length beyond the address");
        }
        Ok(Self { base, bits })
    }
}

/// From where the request came, as far as can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origination {
    /// The client's address, where the connection's is known.
    pub(crate) address: Option<IpAddr>,
    /// Whether the client spoke https.
    pub(crate) secure: bool,
}

impl Origination {
    pub(crate) fn of(parts: &Parts, config: &TransportConfig) -> Self {
        let peer = parts.extensions.get::<Peer>();
        let address = peer.map(|peer| peer.address.ip().to_canonical());
        let secure = peer.is_some_and(|peer| peer.secure) || parts.uri.scheme_str() == Some("https");
        let trusted = |address: IpAddr| config.trusted_proxies.iter().any(|proxy| proxy.contains(address));
        match address {
            Some(proxy) if trusted(proxy) => Self {
                address: Some(forwarded_for(&parts.headers, proxy, trusted)),
                secure: last(&parts.headers, "x-forwarded-proto").map_or(secure, |proto| proto == "https"),
            },
            _ => Self { address, secure },
        }
    }
}

/// Walks the hops from the nearest to the farthest and stops at the first that is no proxy of ours: what lies
/// beyond could be written by anybody.
fn forwarded_for(headers: &HeaderMap, nearest: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = nearest;
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = parse_hop(hop.trim()) else { break };
        client = address;
        if !trusted(address) {
            break;
        }
    }
    client
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{Network, Origination, Peer};
    use crate::TransportConfig;
    use http::Request;
    use std::net::IpAddr;

    fn client(peer: &str, forwarded: &str, trusted: &[&str]) -> IpAddr {
        let request = Request::builder().header("x-forwarded-for", forwarded).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        parts.extensions.insert(Peer { address: format!("{peer}:9").parse().unwrap(), secure: false });
        let trusted_proxies = trusted.iter().map(|range| range.parse().unwrap()).collect();
        let config = TransportConfig { trusted_proxies, ..TransportConfig::default() };
        Origination::of(&parts, &config).address.unwrap()
    }

    #[test]
    fn a_forwarded_address_is_believed_only_from_a_trusted_proxy() {
        assert_eq!(client("9.9.9.9", "1.2.3.4", &[]).to_string(), "9.9.9.9");
        assert_eq!(client("10.0.0.1", "1.2.3.4", &["10.0.0.0/8"]).to_string(), "1.2.3.4");
    }

    #[test]
    fn hops_beyond_the_first_untrusted_one_are_not_believed() {
        assert_eq!(client("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", &["10.0.0.0/8"]).to_string(), "1.2.3.4");
    }

    #[test]
    fn a_network_knows_its_addresses() {
        let network: Network = "192.168.0.0/16".parse().unwrap();
        assert!(network.contains("192.168.3.4".parse().unwrap()));
        assert!(network.contains("::ffff:192.168.3.4".parse().unwrap()));
        assert!(!network.contains("192.169.0.1".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
