//! The end of a service: what runs comes to its end, clients collect their results, connections end.

use super::engine::Engine;
use std::time::Duration;

/// What the last results are given to arrive before the connections end.
const ARRIVAL_TIME: Duration = Duration::from_millis(30);

/// How long clients may take to collect the last results of a service that shuts down.
const COLLECT_TIME: Duration = Duration::from_millis(500);

impl Engine {
    /// Takes no new operations, tells the sessions, and waits for what runs, for `shutdown_time` at most: what goes on
    /// by itself, what runs on the threads of connections, which is over when these are `at_rest`, and what runs on
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
        let finished = async { tokio::join!(at_rest, in_process, self.state.running.wait()) };
        if tokio::time::timeout(self.state.limits.shutdown_time, finished).await.is_err() {
            tracing::warn!(
                "calls were still running after {:?}, {} of them apart from their connections; they are abandoned",
                self.state.limits.shutdown_time,
                self.state.running.len()
            );
        }
        // What has just finished is still to be collected, by clients that poll every few milliseconds now.
        let collected = async {
            while !sessions.iter().all(|session| session.is_collected()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(COLLECT_TIME, collected).await;
        // And to arrive: a client that reads a result and the end of its connection in one turn may lose the result.
        tokio::time::sleep(ARRIVAL_TIME).await;
    }
}
