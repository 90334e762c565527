//! Reads `compose.yaml` as Docker Compose does, as far as it is used there.

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use ipnet::Ipv4Net;
use serde::Deserialize;

/// What an operator has in the file `.env`.
pub(super) type Variables<'a> = BTreeMap<&'static str, &'a str>;

#[derive(Deserialize)]
pub(super) struct Compose {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) networks: BTreeMap<String, Network>,
}

#[derive(Deserialize)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) restart: String,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    pub(super) healthcheck: Option<HealthCheck>,
    #[serde(default)]
    pub(super) depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    #[serde(default)]
    networks: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
pub(super) struct HealthCheck {
    pub(super) test: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) condition: String,
}

#[derive(Deserialize)]
struct Place {
    ipv4_address: Ipv4Addr,
}

#[derive(Deserialize)]
pub(super) struct Network {
    pub(super) ipam: Ipam,
}

#[derive(Deserialize)]
pub(super) struct Ipam {
    pub(super) config: Vec<Subnet>,
}

#[derive(Deserialize)]
pub(super) struct Subnet {
    #[serde(deserialize_with = "network")]
    pub(super) subnet: Ipv4Net,
    #[serde(deserialize_with = "network")]
    pub(super) ip_range: Ipv4Net,
}

fn network<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Ipv4Net, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl Compose {
    pub(super) fn read(variables: &Variables<'_>) -> Self {
        let text = fs::read_to_string(repository("compose.yaml")).expect("the file");
        let mut compose: Self = serde_saphyr::from_str(&text).expect("what the file says");
        for service in compose.services.values_mut() {
            for value in service.environment.values_mut() {
                *value = interpolated(value, variables);
            }
        }
        compose
    }

    #[track_caller]
    pub(super) fn service(&self, name: &str) -> &Service {
        self.services.get(name).unwrap_or_else(|| panic!("no service is called {name}"))
    }

    /// What runs Tessera.
    pub(super) fn nodes(&self) -> Vec<(&str, &Service)> {
        let nodes = self.services.iter().filter(|(_, service)| service.image == "tessera");
        let nodes: Vec<_> = nodes.map(|(name, service)| (name.as_str(), service)).collect();
        assert_eq!(nodes.len(), 2);
        nodes
    }
}

impl Service {
    /// Its place in the network of all.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.networks["default"].ipv4_address
    }
}

/// Puts a variable, or what stands behind `:-`, for each `${NAME:-default}`.
#[track_caller]
fn interpolated(text: &str, variables: &Variables<'_>) -> String {
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closing brace");
        let (name, default) = variable.split_once(":-").expect("a default");
        let value = variables.get(name).copied().filter(|value| !value.is_empty());
        done += value.unwrap_or(default);
        done += rest;
    }
    assert!(!done.contains('$'), "{text}");
    done
}

/// What stands behind the instruction, each time it is given.
pub(super) fn dockerfile(instruction: &str) -> Vec<String> {
    let text = fs::read_to_string(repository("Dockerfile")).expect("the file");
    text.lines().filter_map(|line| line.strip_prefix(instruction)).map(str::to_owned).collect()
}

/// A file of the repository.
pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
