//! What is asked of the operating system for the whole process or a thread. Other systems than Linux
//! go without.

use std::cell::Cell;

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
