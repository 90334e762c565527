//! The text that Prometheus reads. What a metric is told apart by is a word of the program: a text that a client
//! sent does not fit the type.

use std::time::Duration;

use prometheus::{
    Error, TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use crate::metrics::Observed;

/// A name and a value.
pub(super) type Label = (&'static str, &'static str);

/// What was noted so far.
#[derive(Default)]
pub(super) struct Text(Vec<MetricFamily>);

impl Text {
    /// One number that goes up and down.
    pub(super) fn one(&mut self, name: &str, help: &str, value: f64) {
        self.gauge(name, help, [(&[][..], value)]);
    }

    /// Numbers that go up and down.
    pub(super) fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [Label], f64)>,
    ) {
        let metrics = values.into_iter().map(|(labels, value)| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            let mut metric = metric(labels);
            metric.set_gauge(gauge);
            metric
        });
        self.add(name, help, MetricType::GAUGE, metrics.collect());
    }

    /// Numbers that only go up.
    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<Label>, u64)>,
    ) {
        let metrics = values.into_iter().map(|(labels, count)| counter(&labels, count as f64));
        self.add(name, help, MetricType::COUNTER, metrics.collect());
    }

    /// A time that only goes up.
    pub(super) fn seconds(&mut self, name: &str, help: &str, time: Duration) {
        self.add(name, help, MetricType::COUNTER, vec![counter(&[], time.as_secs_f64())]);
    }

    /// How long things took.
    pub(super) fn histograms(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<Label>, Observed)>,
    ) {
        let metrics = values.into_iter().map(|(labels, Observed { within, count, sum })| {
            let buckets = within.into_iter().map(|(bound, count)| {
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(bound.as_secs_f64());
                bucket.set_cumulative_count(count);
                bucket
            });
            let mut histogram = Histogram::default();
            histogram.set_bucket(buckets.collect());
            histogram.set_sample_count(count);
            histogram.set_sample_sum(sum.as_secs_f64());
            let mut metric = metric(&labels);
            metric.set_histogram(histogram);
            metric
        });
        self.add(name, help, MetricType::HISTOGRAM, metrics.collect());
    }

    fn add(&mut self, name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }

    /// All of it, as it is sent.
    ///
    /// # Errors
    /// When something was noted without a number.
    pub(super) fn write(&self) -> Result<String, Error> {
        TextEncoder::new().encode_to_string(&self.0)
    }
}

fn counter(labels: &[Label], value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = metric(labels);
    metric.set_counter(counter);
    metric
}

fn metric(labels: &[Label]) -> Metric {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}
