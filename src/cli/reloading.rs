//! Reads something again each time that it is asked to, on a thread of its own: whoever asks can go on.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// After so long without an end of it, it is told that reading takes long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What comes of it.
pub(super) enum Read<T> {
    Done(T),
    /// It is still being read.
    Late,
}

/// Reads again what `read` reads.
pub(super) struct Reloading<T> {
    asking: SyncSender<()>,
    done: mpsc::Receiver<T>,
    /// When the one that is being read, or that will be, is late.
    late: Option<Instant>,
}

impl<T: Send + 'static> Reloading<T> {
    /// # Errors
    /// If there can be no thread.
    pub(super) fn new(read: impl Fn() -> T + Send + 'static) -> std::io::Result<Self> {
        // One that is asked for while another is read comes after it; more would find the same.
        let (asking, asked) = sync_channel(1);
        let (sender, done) = mpsc::channel(1);
        // Not one of the runtime's: it would have to come to its end before the program can.
        std::thread::Builder::new().name("tarmem-reload".to_owned()).spawn(move || {
            while let Ok(()) = asked.recv() {
                if sender.blocking_send(read()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Reloading { asking, done, late: None })
    }

    /// Has it read once more. It returns at once.
    pub(super) fn ask(&mut self) {
        match self.asking.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => self.late = Some(self.late.unwrap_or(Instant::now() + PATIENCE)),
            Err(TrySendError::Disconnected(())) => tracing::error!("nothing is read again: its thread has ended"),
        }
    }

    /// What has been read, or that it takes long, which is told once. It waits for ever if nothing was asked for.
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
    async fn what_blocks_is_told_and_nobody_waits_for_it() {
        let (go_on, wait) = std::sync::mpsc::channel();
        let wait = Arc::new(Mutex::new(wait));
        let (begun, is_read) = std::sync::mpsc::channel();
        let read = move || {
            let _ = begun.send(());
            wait.lock().expect("not poisoned").recv()
        };
        let mut reloading = Reloading::new(read).expect("a thread");
        assert!(tokio::time::timeout(PATIENCE * 10, reloading.next()).await.is_err(), "nothing was asked for");
        reloading.ask();
        is_read.recv().expect("it begins");
        for _ in 0..10 {
            reloading.ask();
        }
        let begun = Instant::now();
        assert!(matches!(reloading.next().await, Read::Late));
        assert_eq!(begun.elapsed(), PATIENCE);
        assert!(tokio::time::timeout(PATIENCE * 10, reloading.next()).await.is_err(), "it is told once");
        tokio::time::resume();
        go_on.send(1).expect("it is there");
        go_on.send(2).expect("it is there");
        assert!(matches!(reloading.next().await, Read::Done(Ok(1))));
        assert!(matches!(reloading.next().await, Read::Done(Ok(2))), "what was asked for meanwhile is read after it");
    }
}
