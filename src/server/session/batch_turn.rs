//! The turns of a session's batches, which run one after the other.

use super::ServerSession;
use bytes::Bytes;
use tokio::sync::{MutexGuard, oneshot};

/// The turn of a batch: the next one has it when this is dropped.
///
/// An operation that is not in line yet for what it waits for goes ahead: the next operation, of this batch or of the
/// next one, is not begun before it is.
pub(crate) struct BatchTurn<'a>(MutexGuard<'a, Option<oneshot::Receiver<()>>>);

impl BatchTurn<'_> {
    /// Nothing is begun before `ahead` is ready, if there is one.
    pub(crate) fn goes_ahead(&mut self, ahead: Option<oneshot::Receiver<()>>) {
        *self.0 = ahead;
    }

    /// Whether an operation goes ahead.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the operation that goes ahead, if there is one.
    pub(crate) async fn let_ahead(&mut self) {
        if let Some(ahead) = &mut *self.0 {
            // Its sender is only ever dropped.
            let _ = ahead.await;
            *self.0 = None;
        }
    }
}

impl ServerSession {
    /// The turn of a batch, after those that came before it.
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
