//! The end of a service: running calls finish, clients collect their results, connections end.

use super::engine::Engine;
use std::time::Duration;

/// How long the last results have to arrive before the connections end.
const ARRIVAL_TIME: Duration = Duration::from_millis(30);

/// How often it is looked whether only calls that wait are left.
const PARKED_PAUSE: Duration = Duration::from_millis(2);

/// How long clients have to collect the last results of a service that shuts down.
const COLLECT_TIME: Duration = Duration::from_millis(500);

impl Engine {
    /// Accepts no new operations, tells the sessions, and waits up to `shutdown_time` for everything that is running:
    /// tasks of the service; calls on the threads of connections, which are done when these are `at_rest`; and calls on
    /// threads that are not the service's.
    pub(crate) async fn close(&self, at_rest: impl Future<Output = ()>) {
        self.state.close();
        let sessions = self.sessions.all();
        for session in &sessions {
            session.stop_waiting();
            session.wake();
        }
        self.state.running.close();
        let in_process = async {
            while self.state.local_calls.are_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let finished = async { tokio::join!(at_rest, in_process, self.finished()) };
        if tokio::time::timeout(self.state.limits.shutdown_time, finished).await.is_err() {
            tracing::warn!(
                "calls were still running after {:?}, {} of them away from their connections; they are abandoned",
                self.state.limits.shutdown_time,
                self.state.running.len()
            );
        }
        // Calls that have just finished still have to be collected, by clients that now poll every few milliseconds.
        let collected = async {
            while !sessions.iter().all(|session| session.is_collected()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(COLLECT_TIME, collected).await;
        // And the results have to arrive: a client that reads a result and the end of its connection at the same time
        // may lose the result.
        tokio::time::sleep(ARRIVAL_TIME).await;
    }

    /// Waits until nothing runs any more, except calls that go on to wait in the next run of the service.
    async fn finished(&self) {
        if self.state.journal().is_none() {
            return self.state.running.wait().await;
        }
        let parked = || self.sessions.all().iter().map(|session| session.count_parked()).sum();
        while self.state.running.len() > parked() {
            tokio::time::sleep(PARKED_PAUSE).await;
        }
    }
}
