//! CPU time of a thread, for benchmarks that run beside others on shared cores.

/// Returns the CPU time of this thread so far, in seconds: the first number of schedstat, in nanoseconds (proc(5)).
#[must_use]
pub fn of_thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
