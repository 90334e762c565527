//! Memory, as Linux accounts for it.

use std::fs;

/// Anonymous memory of this process in bytes: what the allocator holds, without the mapped files.
/// `None` on other systems.
///
/// A difference of two readings is what was needed in between and not had from memory that the
/// allocator kept after earlier work. That is little, since SQLite's caches are small.
pub(super) fn anonymous() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
