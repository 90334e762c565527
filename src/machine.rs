//! What is asked of the operating system for the whole process or a thread. Other systems than Linux
//! go without.

use std::{cell::Cell, time::Duration};

/// By how much work that may wait is put back, in the system's steps ("niceness").
const STEPS_BACK: i32 = 5;
/// There is none behind it.
const LAST_STEP: i32 = 19;

thread_local! {
    static IS_PUT_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Puts the present thread behind those that verify keys, for good. Only for threads of the pool for
/// blocking work: while one of them waits for the processor, verification has it.
pub fn let_others_go_first() {
    if IS_PUT_BACK.replace(true) {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // Without a process's number this is about the present thread alone.
        let put_back = |now: i32| setpriority_process(None, (now + STEPS_BACK).min(LAST_STEP));
        if let Err(error) = getpriority_process(None).and_then(put_back) {
            tracing::debug!(%error, "a thread keeps its priority");
        }
    }
}

/// Lets the process hold as many files and connections as the system allows it, and tells how many
/// that are; `None` where there is no limit or nobody tells it.
pub fn raise_limit_of_files() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(error) => {
                tracing::warn!(%error, "the limit of open files could not be raised");
                limit.current
            }
        }
    }
    #[cfg(not(unix))]
    None
}

/// What the process takes of the machine, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUse {
    /// Memory that it holds.
    pub resident_bytes: Option<u64>,
    /// Files and connections that are open.
    pub open_files: Option<u64>,
    /// And how many may be.
    pub max_files: Option<u64>,
    /// How long processors have worked for it.
    pub cpu: Option<Duration>,
}

/// Asks the system what the process takes.
pub fn process() -> ProcessUse {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            process::{Resource, getrlimit},
            time::{ClockId, clock_gettime},
        };
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        ProcessUse {
            resident_bytes: std::fs::read_to_string("/proc/self/status")
                .ok()
                .and_then(|status| resident_bytes(&status)),
            // One of them is there to look at them.
            open_files: std::fs::read_dir("/proc/self/fd")
                .ok()
                .and_then(|files| u64::try_from(files.count()).ok()?.checked_sub(1)),
            max_files: getrlimit(Resource::Nofile).current,
            cpu: u64::try_from(cpu.tv_sec)
                .ok()
                .zip(u32::try_from(cpu.tv_nsec).ok())
                .map(|(seconds, nanoseconds)| Duration::new(seconds, nanoseconds)),
        }
    }
    #[cfg(not(target_os = "linux"))]
    ProcessUse::default()
}

/// What stands in `/proc/self/status` (proc_pid_status(5)).
#[cfg(target_os = "linux")]
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_files_is_as_high_as_the_system_allows() {
        let told = raise_limit_of_files();
        #[cfg(unix)]
        {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            assert_eq!((limit.current, told), (limit.maximum, limit.maximum));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_tells_what_the_process_takes() {
        let before = process();
        let files: Vec<_> = (0..3).map(|_| std::fs::File::open("/proc/self/status").unwrap()).collect();
        let memory = std::hint::black_box(vec![1u8; 32 << 20]);
        let after = process();
        // Other tests open and close files meanwhile.
        assert!(after.open_files.unwrap() >= 3 && after.open_files <= after.max_files, "{after:?}");
        assert!(after.resident_bytes.unwrap() >= 32 << 20, "{after:?}");
        assert!(after.cpu >= before.cpu && before.cpu.unwrap() > Duration::ZERO);
        drop((files, memory));
        assert_eq!(resident_bytes("Name:\ttessera\nVmRSS:\t   20480 kB\n"), Some(20480 * 1024));
        assert_eq!(resident_bytes("Name:\ttessera\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_put_back_once_and_no_other_with_it() {
        use rustix::process::getpriority_process;
        std::thread::spawn(|| {
            let before = getpriority_process(None).unwrap();
            let_others_go_first();
            let_others_go_first();
            assert_eq!(getpriority_process(None).unwrap(), (before + STEPS_BACK).min(LAST_STEP));
            let other = std::thread::spawn(|| IS_PUT_BACK.get()).join().unwrap();
            assert!(!other);
        })
        .join()
        .unwrap();
    }
}
