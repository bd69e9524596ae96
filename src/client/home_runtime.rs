//! The home of a session: the runtime that it was made on. Connections are pumped there as long as it runs, so that
//! calls need not cross threads.

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The runtime that a session was made on.
pub(super) struct HomeRuntime(Mutex<RuntimeState>);

enum RuntimeState {
    /// It runs, as far as this session knows.
    Running(Handle),
    /// It does not run its tasks. The receiver turns true when it runs again, and ends when the runtime is dropped.
    Stalled(Handle, watch::Receiver<bool>),
    Gone,
}

/// The runtime on which a connection is registered and can be pumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunsOn {
    Home,
    Background,
}

impl HomeRuntime {
    /// The current runtime.
    pub(super) fn here() -> Self {
        HomeRuntime(Mutex::new(RuntimeState::Running(Handle::current())))
    }

    /// Returns the runtime, unless it is known to be gone.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match &*self.0.lock() {
            RuntimeState::Running(runtime) | RuntimeState::Stalled(runtime, _) => Some(runtime.clone()),
            RuntimeState::Gone => None,
        }
    }

    pub(super) fn running(&self) -> Option<Handle> {
        match &*self.0.lock() {
            RuntimeState::Running(runtime) => Some(runtime.clone()),
            RuntimeState::Stalled(..) | RuntimeState::Gone => None,
        }
    }

    /// Notes that the runtime does not run. It counts as running again once it has run a task.
    pub(super) fn mark_stalled(&self, runtime: Handle) {
        let (sender, back) = watch::channel(false);
        runtime.spawn(async move {
            let _ = sender.send(true);
        });
        *self.0.lock() = RuntimeState::Stalled(runtime, back);
    }

    /// Notes that the runtime will not run any task again.
    pub(super) fn mark_gone(&self) {
        *self.0.lock() = RuntimeState::Gone;
    }

    /// Waits until a stalled home runs again.
    pub(super) async fn runs_again(&self) {
        let standing = match &*self.0.lock() {
            RuntimeState::Stalled(runtime, back) => Some((runtime.clone(), back.clone())),
            RuntimeState::Running(_) | RuntimeState::Gone => None,
        };
        if let Some((runtime, mut back)) = standing {
            let is_back = back.wait_for(|back| *back).await.is_ok();
            *self.0.lock() = if is_back { RuntimeState::Running(runtime) } else { RuntimeState::Gone };
            if is_back {
                return;
            }
        }
        std::future::pending().await
    }
}
