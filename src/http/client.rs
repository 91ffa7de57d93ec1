//! Who is asking: the peer, or whom a trusted proxy names.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};
use ipnet::IpNet;

/// Header in which each proxy appends the address it was called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Header in which the proxy that the client called says how it was called.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Nobody known: not this machine, and one address for all whom a proxy does not name.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Address of the client of a request, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl ClientAddress {
    /// The client of a request that has come through the whole router.
    pub(super) fn of(request: &Request) -> Self {
        let found = request.extensions().get().copied();
        found.unwrap_or(Self(NOBODY))
    }
}

/// Whether a request came to us over TLS, or to a trusted proxy that says so, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encrypted(pub(super) bool);

impl Encrypted {
    /// Of a request that has come through the whole router.
    pub(super) fn of(request: &Request) -> Self {
        let found = request.extensions().get().copied();
        found.unwrap_or(Self(false))
    }
}

/// Networks of the proxies whose `X-Forwarded-For` is believed; by default none.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl TrustedProxies {
    /// The client of a request that was served with its peer as `ConnectInfo`.
    pub(super) fn client(&self, request: &Request) -> ClientAddress {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        ClientAddress(peer.map_or(NOBODY, |ConnectInfo(peer)| {
            self.named(peer.ip().to_canonical(), request.headers())
        }))
    }

    /// Whether the client of such a request speaks TLS, with us or with a trusted proxy.
    pub(super) fn encrypted(&self, request: &Request) -> Encrypted {
        let extensions = request.extensions();
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let behind = peer.is_some_and(|ConnectInfo(peer)| self.trusts(peer.ip().to_canonical()));
        let said = request.headers().get(FORWARDED_PROTO);
        let said = said.and_then(|value| value.to_str().ok()?.split(',').next());
        let said = said.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
        let own = extensions.get::<Encrypted>().is_some_and(|own| own.0);
        Encrypted(own || (behind && said))
    }

    /// The peer, if it is no trusted proxy or names nobody; else the rightmost address that is no
    /// trusted proxy's: what stands left of it, anybody may have written. If all are, the leftmost.
    fn named(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.trusts(client) {
            return client;
        }
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for named in line.as_bytes().rsplit(|byte| *byte == b',') {
                client = address(named).unwrap_or(NOBODY);
                if !self.trusts(client) {
                    return client;
                }
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: some add the port, and brackets around IPv6.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"];
        let proxies: TrustedProxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let peer: IpAddr = peer.parse().unwrap();
        proxies.named(peer.to_canonical(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("::ffff:127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxy_counts() {
        assert_eq!(
            client("127.0.0.1", &["127.0.0.1, 203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            client(
                "10.1.2.3",
                &[
                    "127.0.0.1",
                    "198.51.100.7 , 203.0.113.9, 10.9.9.9",
                    "fd00::1"
                ]
            ),
            "203.0.113.9"
        );
        assert_eq!(client("127.0.0.1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
    }

    #[test]
    fn ports_and_brackets_are_no_part_of_an_address() {
        assert_eq!(client("127.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["[2001:db8::9]:4711"]), "2001:db8::9");
        assert_eq!(client("127.0.0.1", &["[2001:db8::9]"]), "2001:db8::9");
        assert_eq!(client("127.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn whoever_is_not_named_readably_is_nobody() {
        for unreadable in ["unknown", "", "127.0.0.1, _hidden", "127.0.0.1 10.0.0.1"] {
            assert_eq!(client("127.0.0.1", &[unreadable]), "0.0.0.0");
        }
    }
}
