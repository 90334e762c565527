//! What a watcher reads of a server, taken apart.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        });
        Self(samples.collect())
    }

    /// The value of a series, such as `tessera_requests_total{kind="auth",status="2xx"}`.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.0.keys()))
    }

    pub(crate) fn find(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// All series.
    pub(crate) fn series(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The names, without what they are told apart by.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(|series| series.split('{').next().unwrap_or(series)).collect()
    }

    /// The series of one name that are not 0.
    pub(crate) fn counted(&self, name: &str) -> BTreeMap<&str, f64> {
        let of_name = |series: &str| series.split('{').next() == Some(name);
        let counted = self.0.iter().filter(|(series, value)| of_name(series) && **value != 0.0);
        counted.map(|(series, value)| (series.as_str(), *value)).collect()
    }
}
