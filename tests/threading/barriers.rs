//! Barriers open for all parties at once, or break.

use super::{Failed, until};
use crate::support::Fixture;
use std::time::Duration;
use tarmem::CallError;
use tarmem::modules::Exception;
use tarmem::modules::threading::{Barrier, BarrierProxy};

crate::each_way![a_barrier_opens_for_all_at_once, a_barrier_breaks];

async fn a_barrier_opens_for_all_at_once(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let barrier = one.memoize("barrier", BarrierProxy::new(5, None, None)).await.expect("made");
    assert_eq!((barrier.parties().await, barrier.broken().await), (Ok(5), Ok(false)));
    for _ in 0..20 {
        let early: Vec<_> = (0..4)
            .map(|i| tokio::spawn(if i % 2 == 0 { &one } else { &two }.proxy::<Barrier>("barrier").wait()))
            .collect();
        until("four wait", || async { barrier.n_waiting().await == Ok(4) }).await;
        assert!(early.iter().all(|wait| !wait.is_finished()));
        assert_eq!(barrier.wait().await, Ok(4), "the last one");
        let mut indices = Vec::new();
        for wait in early {
            indices.push(wait.await.expect("no panic").expect("it opened"));
        }
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2, 3]);
        assert_eq!(barrier.n_waiting().await, Ok(0));
    }
}

async fn a_barrier_breaks(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let barrier = one.memoize("barrier", BarrierProxy::new(3, None, None)).await.expect("made");
    let broken = |result: Result<usize, Failed>| {
        assert_eq!(result, Err(CallError::Method(Exception::BrokenBarrierError(String::new()))));
    };
    for way in ["timeout", "try", "cancel", "abort", "reset"] {
        let waiting = tokio::spawn(barrier.wait());
        until("it waits", || async { barrier.n_waiting().await == Ok(1) }).await;
        let other = two.proxy::<Barrier>("barrier");
        match way {
            "timeout" => broken(other.wait_timeout(Duration::from_millis(10)).await),
            "try" => broken(other.wait_timeout(Duration::ZERO).await),
            "cancel" => {
                let doomed = other.wait().send().await;
                until("both wait", || async { barrier.n_waiting().await == Ok(2) }).await;
                drop(doomed);
            }
            "abort" => other.abort().await.expect("answers"),
            _ => other.reset().await.expect("answers"),
        }
        broken(waiting.await.expect("no panic"));
        assert_eq!(barrier.broken().await, Ok(way != "reset"), "{way}");
        if way != "reset" {
            broken(barrier.wait().await);
            barrier.reset().await.expect("answers");
        }
        assert_eq!((barrier.broken().await, barrier.n_waiting().await), (Ok(false), Ok(0)), "{way}");
    }
    let hasty = one.memoize("hasty", BarrierProxy::new(2, None, Some(0.01))).await.expect("made");
    broken(hasty.wait().await);
}
