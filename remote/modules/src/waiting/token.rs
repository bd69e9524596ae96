//! The tokens of grants and leases.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns a token that is higher than those of all earlier grants and leases in this process, of any object.
///
/// Tokens start at the number of microseconds since 1970, by the clock at the time of the first one, and count up by
/// one. A process that is started later starts higher than the earlier one ever got, unless that gave more than a
/// million tokens in each second of its life, or the clock is set back by more than the earlier process lived (less a
/// microsecond for each token that it gave). So fencing tokens keep growing when a service is restarted that remembers
/// nothing. One that has a storage remembers a token that none of its earlier runs has reached, and starts above that,
/// whatever the clock says. They stay below 2^53, up to which JSON readers are exact, until the year 2255, and do not
/// wrap around before the year 586,000.
pub(crate) fn next_token() -> u64 {
    // The caller holds the lock of its object, so the tokens of one object grow in the order of its grants.
    next().fetch_add(1, Ordering::Relaxed)
}

/// Returns a token that is at least as high as every one that was given so far.
pub(super) fn last() -> u64 {
    next().load(Ordering::Relaxed) - 1
}

/// From now on tokens are higher than this one.
pub(super) fn raise_above(token: u64) {
    next().fetch_max(token.saturating_add(1), Ordering::Relaxed);
}

/// The next token.
fn next() -> &'static AtomicU64 {
    static NEXT: OnceLock<AtomicU64> = OnceLock::new();
    NEXT.get_or_init(|| AtomicU64::new(first(SystemTime::now())))
}

/// Returns the counter's start in a process that gives its first token at this time. It is never 0, which means no
/// token.
fn first(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn tokens_grow_whoever_asks_and_none_is_given_twice() {
        let ask = || (0..10_000).map(|_| next_token()).collect::<Vec<_>>();
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(ask);
            (ask(), one.join().expect("no panic"))
        });
        for tokens in [&one, &other] {
            assert!(tokens.is_sorted_by(|earlier, later| earlier < later));
        }
        assert_eq!(one.iter().chain(&other).collect::<BTreeSet<_>>().len(), 20_000);
    }

    #[test]
    fn a_process_that_is_started_later_begins_higher_than_an_earlier_one_came() {
        let started = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        // A process that lived for a second, and gave half a million tokens.
        let came_to = first(started) + 500_000;
        assert!(first(started + Duration::from_secs(1)) > came_to);
        assert!(first(started) < 1 << 53);
        // A clock that was never set.
        assert_eq!((first(UNIX_EPOCH), first(UNIX_EPOCH - Duration::from_secs(9))), (1, 1));
    }
}
