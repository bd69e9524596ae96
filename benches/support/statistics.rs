//! The statistics of the benchmarks, and figures for people.

use std::time::Duration;

/// How many rounds fill one turn.
pub(crate) fn rounds(turn: Duration, mut measure: impl FnMut(u64) -> Duration) -> u64 {
    let mut rounds = 1;
    loop {
        let elapsed = measure(rounds);
        if elapsed * 8 >= turn {
            let scaled = rounds as f64 * turn.as_secs_f64() / elapsed.as_secs_f64();
            return (scaled as u64).max(1);
        }
        rounds *= 2;
    }
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A rate, formatted for people.
pub(crate) fn thousands(rate: f64) -> String {
    if rate >= 1e6 { format!("{:.2} M", rate / 1e6) } else { format!("{:.1} k", rate / 1e3) }
}

/// The load of the last minute: 1 for each thread that wanted to run. `None` on systems that do not report it.
pub(crate) fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// The load, formatted for people.
pub(crate) fn load_average() -> String {
    format!("load average {}", load().map_or("unknown".to_owned(), |load| load.to_string()))
}
