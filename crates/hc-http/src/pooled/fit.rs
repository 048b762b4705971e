//! Which specs reqwest can carry out to the letter. Pure.

use http::header;
use url::Host;

use crate::compose::host_header;
use crate::spec::{Dial, HttpSpec, HttpVersion};

/// Why a spec is beyond the pooled transport; completes "the pooled transport ". `None`: it fits.
///
/// reqwest derives SNI, HTTP/2's authority and the port to dial from the URL, and hides a certificate behind a tunnel.
pub(crate) fn misfit(spec: &HttpSpec) -> Option<&'static str> {
    let url = &spec.url;
    if url.as_str().parse::<http::Uri>().is_err() {
        return Some("cannot write such a URL");
    }
    let is_tls = url.scheme() == "https";
    let may_speak_h2 = match spec.version {
        HttpVersion::Auto => is_tls,
        HttpVersion::Http1 => false,
        HttpVersion::Http2 => true,
    };
    if spec.proxy.is_some() && (is_tls || spec.redirects > 0) {
        return Some("cannot see a certificate through a proxy's tunnel");
    }
    if spec.proxy.is_some() && spec.connect.is_some() {
        return Some("cannot have a proxy connect to another address than the URL's");
    }
    if is_tls
        && spec
            .tls
            .server_name
            .as_deref()
            .is_some_and(|name| Some(name) != url.host_str())
    {
        return Some("takes the server's name from the URL");
    }
    let asks_another_host = spec
        .host
        .as_deref()
        .is_some_and(|host| host != host_header(url))
        || spec.headers.iter().any(|(name, _)| name == header::HOST);
    if may_speak_h2 && asks_another_host {
        return Some("takes HTTP/2's authority from the URL");
    }
    match (&spec.connect, url.host()) {
        (None, _) => None,
        (Some(Dial::Address(address)), Some(Host::Ipv4(ip))) if address.ip() == ip => {
            port_misfit(spec, address.port())
        }
        (Some(Dial::Address(address)), Some(Host::Ipv6(ip))) if address.ip() == ip => {
            port_misfit(spec, address.port())
        }
        (Some(_), Some(Host::Ipv4(_) | Host::Ipv6(_)) | None) => {
            Some("connects to the URL's own address")
        }
        // A port that the URL does not name may be any.
        (Some(_), Some(Host::Domain(_))) if url.port().is_none() => None,
        (Some(Dial::Address(address)), _) => port_misfit(spec, address.port()),
        (Some(Dial::Name(_, port)), _) => port_misfit(spec, *port),
    }
}

fn port_misfit(spec: &HttpSpec, port: u16) -> Option<&'static str> {
    (spec.url.port_or_known_default() != Some(port)).then_some("connects to the URL's own port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProxySettings;

    #[test]
    fn what_reqwest_can_carry_out() {
        let of = |url: &str| HttpSpec::new(url.parse().unwrap());
        let connect = |url: &str, to: &str| HttpSpec {
            connect: Some(Dial::Address(to.parse().unwrap())),
            ..of(url)
        };
        let proxied = |url: &str, redirects| HttpSpec {
            proxy: Some(ProxySettings {
                url: "http://10.0.0.1:3128/".parse().unwrap(),
            }),
            redirects,
            ..of(url)
        };
        let host = |url: &str, version| HttpSpec {
            host: Some("other.test".to_owned()),
            version,
            ..of(url)
        };
        let table = [
            (of("https://a.test/"), true),
            (connect("https://a.test/", "10.0.0.7:8443"), true),
            (connect("https://a.test:8443/", "10.0.0.7:8443"), true),
            (connect("https://a.test:8443/", "10.0.0.7:443"), false),
            (connect("http://10.0.0.8/", "10.0.0.7:80"), false),
            (connect("http://10.0.0.7/", "10.0.0.7:80"), true),
            (connect("http://10.0.0.7/", "10.0.0.7:81"), false),
            (proxied("http://a.test/", 0), true),
            (proxied("http://a.test/", 1), false),
            (proxied("https://a.test/", 0), false),
            (host("http://a.test/", HttpVersion::Auto), true),
            (host("http://a.test/", HttpVersion::Http2), false),
            (host("https://a.test/", HttpVersion::Auto), false),
            (host("https://a.test/", HttpVersion::Http1), true),
        ];
        for (spec, fits) in table {
            assert_eq!(misfit(&spec).is_none(), fits, "{spec:?}");
        }
        let mut named = of("https://10.0.0.7/");
        named.tls.server_name = Some("a.test".to_owned());
        assert!(misfit(&named).is_some());
    }
}
