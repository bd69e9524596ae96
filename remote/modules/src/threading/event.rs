//! `Event`.

use crate::waiting::{Attempt, Door, KeptState, Line, Monitor, Patience, Woken, enter, haunt, kept, seconds};
use crate::{Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::context::Context;
use tarmem_remote::object::Sessions;
use tarmem_remote::remote;

/// A flag that many callers can wait for, as Python's `Event`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::EventProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let ready = session.memoize("ready", EventProxy::new()).await?;
/// let (waited, set) = tokio::join!(ready.wait(), ready.set());
/// set?;
/// assert!(waited?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Event {
    flag: Arc<Monitor<Flag>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Flag {
    set: bool,
    line: Line<(), ()>,
}

impl Door for Flag {
    type State = Flag;
    type Want = ();
    type Admission = ();

    fn line(state: &mut Flag) -> &mut Line<(), ()> {
        &mut state.line
    }

    fn pass_on(_: &mut Flag, (): (), _: &mut Woken) {}
}

impl KeptState for Flag {
    type Done = ();

    fn undo(&mut self, (): (), _: &mut Woken) {}

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Flag>(monitor, sessions);
    }
}

kept!(Event, flag: Flag);

#[remote]
impl Event {
    /// Makes an event that is not set.
    #[remote(inline)]
    #[allow(clippy::new_without_default, reason = "an event in one process only is what tokio has")]
    pub fn new() -> Self {
        Event { flag: Monitor::new(Flag::default()) }
    }

    /// Returns whether it is set.
    pub fn is_set(&self) -> bool {
        self.flag.read(|flag| flag.set)
    }

    /// Sets the event: callers that wait go on, and later ones do not wait.
    #[remote(idempotent)]
    pub fn set(&self) {
        self.flag.with(|flag, woken| {
            flag.set = true;
            flag.line.grant_all(woken, |()| ());
        });
    }

    /// Clears the event: callers of `wait` wait from now on.
    #[remote(idempotent)]
    pub fn clear(&self) {
        self.flag.with(|flag, _| flag.set = false);
    }

    /// Waits until the event is set, and returns true; false if that takes longer than `timeout` seconds.
    ///
    /// The call's own timeout applies as well: disable it if the wait may be long.
    #[remote(proxy = "wait_bool")]
    pub async fn wait(&self, ctx: &Context, timeout: Option<f64>) -> Result<bool, Exception> {
        let patience = Patience::to_wait(timeout)?;
        let attempt =
            |flag: &mut Flag, _: &mut Woken| Ok(if flag.set { Attempt::Granted(()) } else { Attempt::Wait(()) });
        Ok(enter::<Flag>(ctx, &self.flag, patience, attempt).await?.is_some())
    }

    /// Returns the number of callers that wait.
    pub fn waiting(&self) -> usize {
        self.flag.read(|flag| flag.line.len())
    }
}

/// Methods for typed callers.
impl EventProxy {
    /// Waits until the event is set, as long as necessary, and returns true.
    pub fn wait(&self) -> Fallible<bool> {
        self.wait_bool(None).no_timeout()
    }

    /// Waits until the event is set, and returns true; false if that takes longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Fallible<bool> {
        self.wait_bool(seconds(timeout)).no_timeout()
    }
}
