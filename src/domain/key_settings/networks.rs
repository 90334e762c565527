//! Networks: where a key may be used from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use ipnet::{IpNet, Ipv4Net};

/// Networks of one key.
const MAX_NETWORKS: usize = 50;

/// Networks in CIDR notation, IPv4-mapped IPv6 told as the IPv4 that it means.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Networks(Vec<IpNet>);

/// Why a text is no list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    /// Neither an address nor a network.
    #[error(
        "“{0}” isn’t an IP address or CIDR range. Enter one such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32."
    )]
    NotANetwork(String),
    /// The address has bits beyond the length of the network.
    #[error("“{typed}” is an IP address inside a range. For the whole range, enter {network}.")]
    HostBits {
        /// As it was typed.
        typed: String,
        /// The network that it lies in.
        network: IpNet,
    },
    /// There are too many.
    #[error("Use at most {MAX_NETWORKS} IP addresses or ranges.")]
    TooMany,
}

impl Networks {
    /// Whether `address` lies in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// One to a line, as they are edited.
    pub fn lines(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Networks are separated by spaces, commas or new lines; a bare address is a network of one.
impl FromStr for Networks {
    type Err = NetworksError;

    fn from_str(text: &str) -> Result<Self, NetworksError> {
        let mut networks = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
            let network = parse_network(word)?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        if networks.len() > MAX_NETWORKS { Err(NetworksError::TooMany) } else { Ok(Self(networks)) }
    }
}

fn parse_network(word: &str) -> Result<IpNet, NetworksError> {
    let parsed = match word.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => word.parse::<IpNet>(),
    };
    let network =
        parsed.map_err(|_| NetworksError::NotANetwork(word.chars().take(50).collect())).map(unmapped)?;
    if network == network.trunc() {
        Ok(network)
    } else {
        Err(NetworksError::HostBits { typed: word.to_owned(), network: network.trunc() })
    }
}

/// `::ffff:10.0.0.0/104` means `10.0.0.0/8`.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let v4 = Ipv6Addr::to_ipv4_mapped(&v6.addr());
    let length = v6.prefix_len().checked_sub(96);
    match v4.zip(length).map(|(address, length)| Ipv4Net::new(address, length)) {
        Some(Ok(v4)) => IpNet::V4(v4),
        _ => network,
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

crate::domain::stored_text::stored_as_text!(Networks);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_networks_of_both_kinds_are_read() {
        let networks: Networks =
            "203.0.113.7, 10.0.0.0/8\n2001:db8::/32 ::ffff:192.168.0.0/112".parse().unwrap();
        assert_eq!(networks.to_string(), "203.0.113.7/32 10.0.0.0/8 2001:db8::/32 192.168.0.0/16");
        assert_eq!(networks.to_string().parse(), Ok(networks.clone()));
        for inside in ["203.0.113.7", "10.255.0.1", "2001:db8:1::1", "::ffff:10.1.2.3", "192.168.3.4"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["203.0.113.8", "11.0.0.1", "2001:db9::1", "::ffff:11.1.2.3", "::10.1.2.3"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_named_and_mended() {
        let error = |text: &str| text.parse::<Networks>().unwrap_err().to_string();
        assert!(error("10.0.0.0/33").starts_with("“10.0.0.0/33” isn’t an IP address or CIDR range"));
        assert!(error("office").starts_with("“office” isn’t an IP address or CIDR range"));
        assert!(error("10.0.0.5/8").ends_with("enter 10.0.0.0/8."));
    }

    proptest! {
        #[test]
        fn an_ipv4_network_holds_just_the_addresses_with_its_first_bits(
            network in any::<u32>(), length in 0u8..=32, address in any::<u32>(), near in any::<bool>(), mapped in any::<bool>(),
        ) {
            let mask = if length == 0 { 0 } else { u32::MAX << (32 - length) };
            let address = if near { (network & mask) | (address & !mask) } else { address };
            let text = format!("{}/{length}", Ipv4Addr::from(network & mask));
            let networks: Networks = text.parse().unwrap();
            let v4 = Ipv4Addr::from(address);
            let presented = if mapped { IpAddr::V6(v4.to_ipv6_mapped()) } else { IpAddr::V4(v4) };
            prop_assert_eq!(networks.contain(presented), address & mask == network & mask);
        }

        #[test]
        fn an_ipv6_network_holds_just_the_addresses_with_its_first_bits(
            network in any::<u128>(), length in 1u8..=128, address in any::<u128>(), near in any::<bool>(),
        ) {
            let mask = u128::MAX << (128 - length);
            let address = if near { (network & mask) | (address & !mask) } else { address };
            // Unspecified and mapped addresses are not what this is about.
            prop_assume!(network >> 96 != 0 && address >> 96 != 0);
            let text = format!("{}/{length}", Ipv6Addr::from(network & mask));
            let networks: Networks = text.parse().unwrap();
            prop_assert_eq!(networks.contain(IpAddr::V6(address.into())), address & mask == network & mask);
        }

        #[test]
        fn a_list_holds_what_one_of_its_networks_holds_and_the_two_kinds_do_not_mix(
            list in prop::collection::vec((any::<bool>(), any::<u128>(), 0u32..=128), 1..6),
            (is_v4, address) in (any::<bool>(), any::<u128>()), near in prop::option::of(0usize..6),
        ) {
            // Both kinds as a number of `width` bits; what is not mapped stays away from ::/96.
            let width = |is_v4| if is_v4 { 32 } else { 128 };
            let number = |is_v4, bits: u128| if is_v4 { bits >> 96 } else { bits | 1 << 127 };
            let masked = |is_v4, bits: u128, length| {
                let rest = width(is_v4) - length;
                if rest == 128 { 0 } else { bits >> rest << rest }
            };
            let text_of = |is_v4, bits: u128| {
                if is_v4 { Ipv4Addr::from(bits as u32).to_string() } else { Ipv6Addr::from(bits).to_string() }
            };
            let list: Vec<(bool, u128, u32)> = list.into_iter().map(|(is_v4, bits, length)| {
                let length = length.min(width(is_v4));
                (is_v4, masked(is_v4, number(is_v4, bits), length), length)
            }).collect();
            let mut asked = (is_v4, number(is_v4, address));
            if let Some((is_v4, network, length)) = near.and_then(|place| list.get(place)) {
                let bits = number(*is_v4, address);
                asked = (*is_v4, network | (bits ^ masked(*is_v4, bits, *length)));
            }
            let text: Vec<String> =
                list.iter().map(|(is_v4, bits, length)| format!("{}/{length}", text_of(*is_v4, *bits))).collect();
            let networks: Networks = text.join(" ").parse().unwrap();
            let expected = list.iter().any(|(is_v4, network, length)| {
                *is_v4 == asked.0 && masked(*is_v4, asked.1, *length) == *network
            });
            let presented: IpAddr = text_of(asked.0, asked.1).parse().unwrap();
            prop_assert_eq!(networks.contain(presented), expected, "{} in {}", presented, networks);
        }

        #[test]
        fn no_text_makes_the_reading_fail_over(text in ".*") {
            let _ = text.parse::<Networks>();
        }
    }
}
