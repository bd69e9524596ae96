//! The runtime that a session was made on, its home, and whether that runs. Connections are pumped there, where a call
//! crosses no thread, as long as it does.

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The runtime that a session was made on.
pub(super) struct HomeRuntime(Mutex<RuntimeState>);

enum RuntimeState {
    /// It runs, as far as is known.
    Running(Handle),
    /// It does not run. The receiver turns true when it does, and ends when it is gone.
    Stalled(Handle, watch::Receiver<bool>),
    Gone,
}

/// On which runtime a connection is registered, and can be pumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunsOn {
    Home,
    Background,
}

impl HomeRuntime {
    /// The runtime that runs this.
    pub(super) fn here() -> Self {
        HomeRuntime(Mutex::new(RuntimeState::Running(Handle::current())))
    }

    /// The runtime, unless it is known to be gone.
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

    /// It stands still, until it runs a task.
    pub(super) fn mark_stalled(&self, runtime: Handle) {
        let (sender, back) = watch::channel(false);
        runtime.spawn(async move {
            let _ = sender.send(true);
        });
        *self.0.lock() = RuntimeState::Stalled(runtime, back);
    }

    /// It runs no task any more.
    pub(super) fn mark_gone(&self) {
        *self.0.lock() = RuntimeState::Gone;
    }

    /// Returns once a home that stood still runs again.
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
