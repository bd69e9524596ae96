//! Reads something again on request, on its own thread, so that the caller does not wait for it.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// After this time, the caller is told that reading takes long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of a request.
pub(super) enum Read<T> {
    Done(T),
    /// The read has not finished within [`PATIENCE`].
    Late,
}

/// Calls a function on its own thread, once for each request.
pub(super) struct Reloading<T> {
    asking: SyncSender<()>,
    done: mpsc::Receiver<T>,
    /// When the current request will be late; `None` if there is no request.
    late: Option<Instant>,
}

impl<T: Send + 'static> Reloading<T> {
    /// Starts the thread that calls `read`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn new(read: impl Fn() -> T + Send + 'static) -> std::io::Result<Self> {
        // A request during a read is served after it. Further requests would read the same, and are dropped.
        let (asking, asked) = sync_channel(1);
        let (sender, done) = mpsc::channel(1);
        // A blocking thread of the runtime would have to finish before the program can end.
        std::thread::Builder::new().name("tarmem-reload".to_owned()).spawn(move || {
            while let Ok(()) = asked.recv() {
                if sender.blocking_send(read()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Reloading { asking, done, late: None })
    }

    /// Requests a read. Returns at once.
    pub(super) fn ask(&mut self) {
        match self.asking.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => self.late = Some(self.late.unwrap_or(Instant::now() + PATIENCE)),
            Err(TrySendError::Disconnected(())) => {
                tracing::error!("cannot read again: the reading thread has ended; restart the service")
            }
        }
    }

    /// Waits for the result of a request, or until it is late, which is reported once per request. Waits forever if
    /// there is no request.
    pub(super) async fn next(&mut self) -> Read<T> {
        let late = self.late;
        let is_late = async {
            match late {
                Some(late) => tokio::time::sleep_until(late).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(done) = self.done.recv() => {
                self.late = None;
                Read::Done(done)
            }
            () = is_late => {
                self.late = None;
                Read::Late
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test(start_paused = true)]
    async fn a_read_that_blocks_is_reported_once_and_not_waited_for() {
        let (go_on, wait) = std::sync::mpsc::channel();
        let wait = Arc::new(Mutex::new(wait));
        let (begun, is_read) = std::sync::mpsc::channel();
        let read = move || {
            let _ = begun.send(());
            wait.lock().expect("not poisoned").recv()
        };
        let mut reloading = Reloading::new(read).expect("a thread");
        assert!(tokio::time::timeout(PATIENCE * 10, reloading.next()).await.is_err(), "there is no request");
        reloading.ask();
        is_read.recv().expect("it begins");
        for _ in 0..10 {
            reloading.ask();
        }
        let begun = Instant::now();
        assert!(matches!(reloading.next().await, Read::Late));
        assert_eq!(begun.elapsed(), PATIENCE);
        assert!(tokio::time::timeout(PATIENCE * 10, reloading.next()).await.is_err(), "it is reported once");
        tokio::time::resume();
        go_on.send(1).expect("it is there");
        go_on.send(2).expect("it is there");
        assert!(matches!(reloading.next().await, Read::Done(Ok(1))));
        assert!(matches!(reloading.next().await, Read::Done(Ok(2))), "the later requests are served by one more read");
    }
}
