//! The file of hosts, hosts(5).

use std::collections::HashMap;
use std::net::IpAddr;

/// Names and their addresses, in the file's order.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, Vec<IpAddr>>);

impl Hosts {
    /// Reads what can be read; a line that makes no sense is skipped, as the C library does.
    pub(super) fn read(text: &str) -> Self {
        let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
            let Some(address) = address else {
                continue;
            };
            for name in words {
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                let addresses = hosts.entry(name).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        Self(hosts)
    }

    /// The addresses of a name in lower case, without a dot at its end.
    pub(super) fn of(&self, name: &str) -> Option<&[IpAddr]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_hosts() {
        let hosts = Hosts::read(
            "# none\n127.0.0.1\tlocalhost  Shop.Test.\n\n::1 localhost ip6-localhost # the same\n\
             127.0.0.1 localhost\nnonsense here\n127.0.0.2\n",
        );
        let of = |name: &str| hosts.of(name).map(<[IpAddr]>::to_vec);
        let ips = |texts: &[&str]| Some(texts.iter().map(|t| t.parse().unwrap()).collect());
        assert_eq!(of("localhost"), ips(&["127.0.0.1", "::1"]));
        assert_eq!(of("shop.test"), ips(&["127.0.0.1"]));
        assert_eq!(of("ip6-localhost"), ips(&["::1"]));
        assert_eq!((of("same"), of("here"), of("none")), (None, None, None));
    }
}
