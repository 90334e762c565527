//! Processor time, as Linux accounts for it.

use std::{fs, time::Duration};

/// Clock ticks in a second: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What this process has spent, less the present thread. `None` on other systems.
pub(super) fn of_other_threads() -> Option<Duration> {
    Some(spent("/proc/self/stat")?.saturating_sub(spent("/proc/thread-self/stat")?))
}

fn spent(file: &str) -> Option<Duration> {
    let text = fs::read_to_string(file).ok()?;
    // The second field is a name in brackets and may hold spaces.
    let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs_f64((user + system) as f64 / TICKS_PER_SECOND))
}
