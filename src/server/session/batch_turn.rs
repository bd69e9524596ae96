//! Turns for the batches of a session, which run one after the other.

use super::ServerSession;
use bytes::Bytes;
use tokio::sync::{MutexGuard, oneshot};

/// The turn of a batch. The next batch gets its turn when this is dropped.
///
/// An operation that has begun to wait, but is not yet in the queue that it waits in, goes ahead: the next operation,
/// of this batch or the next, does not begin before it is.
pub(crate) struct BatchTurn<'a>(MutexGuard<'a, Option<oneshot::Receiver<()>>>);

impl BatchTurn<'_> {
    /// Makes the next operation wait for `ahead`, if there is one.
    pub(crate) fn goes_ahead(&mut self, ahead: Option<oneshot::Receiver<()>>) {
        *self.0 = ahead;
    }

    /// Whether the next operation has to wait for one that goes ahead.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the operation that goes ahead, if there is one.
    pub(crate) async fn let_ahead(&mut self) {
        if let Some(ahead) = &mut *self.0 {
            // The sender never sends: it is dropped when the operation is in its queue.
            let _ = ahead.await;
            *self.0 = None;
        }
    }
}

impl ServerSession {
    /// Waits for the turn of a batch, after those that came before it.
    pub(crate) async fn batch_turn(&self, batch: &Bytes) -> BatchTurn<'_> {
        let turn = match self.submitting.try_lock() {
            Ok(turn) if turn.is_none() => turn,
            taken => {
                drop(taken);
                self.heed(batch);
                self.submitting.lock().await
            }
        };
        let mut turn = BatchTurn(turn);
        turn.let_ahead().await;
        turn
    }
}
