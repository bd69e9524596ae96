//! The end of a service: what runs comes to its end, clients collect their results, connections end.

use super::engine::Engine;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the last results are given to arrive before the connections end.
const ARRIVAL_TIME: Duration = Duration::from_millis(30);

/// How long clients may take to collect the last results of a service that shuts down.
const COLLECT_TIME: Duration = Duration::from_millis(500);

impl Engine {
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Takes no new operations, tells the sessions, and waits for what runs, for `shutdown_time` at most: what goes on by
    /// itself, what runs on the threads of connections, which is over when these are `at_rest`, and what runs on threads that
    /// are not the service's.
    pub(crate) async fn close(&self, at_rest: impl Future<Output = ()>) {
        self.closing.store(true, Ordering::SeqCst);
        let sessions = self.sessions.all();
        for session in &sessions {
            session.stop_waiting();
            session.wake();
        }
        self.running.close();
        let in_process = async {
            while self.local_calls.are_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let finished = async { tokio::join!(at_rest, in_process, self.running.wait()) };
        if tokio::time::timeout(self.limits.shutdown_time, finished).await.is_err() {
            tracing::warn!(
                "calls were still running after {:?}, {} of them apart from their connections; they are abandoned",
                self.limits.shutdown_time,
                self.running.len()
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

    /// Ends the connections at once.
    pub(crate) fn end(&self) {
        self.closing.store(true, Ordering::Release);
        self.ended.send_replace(true);
    }

    /// Connections are to end.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Ready once connections are to end.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}
