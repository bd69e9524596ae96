//! What a method, function or generator may know about the call it runs for.

use crate::call::Caller;
use crate::routines::Routines;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The call that a method, function or generator runs for: who asked, by when, and the service's own routines.
///
/// A parameter of type `&Context` is filled in by the service; callers do not see it.
///
/// ```
/// use tarmem_remote::{Context, Error};
/// # use serde::{Deserialize, Serialize};
/// # use tarmem_remote::remote;
/// #[remote(module = "doc_context")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Totals { sum: i64 }
///
/// /// A generator that memoizes another object on its way.
/// #[remote(module = "doc_context")]
/// pub async fn build(ctx: &Context, start: i64) -> Result<Totals, Error> {
///     ctx.routines().is_memoized("base").await?;
///     Ok(Totals { sum: start })
/// }
/// ```
#[derive(Clone)]
pub struct Context {
    session: Uuid,
    deadline: Option<Instant>,
    routines: Routines,
}

impl Context {
    /// A context for one call. Services make these; a test may too.
    pub fn new(session: Uuid, deadline: Option<Instant>, service: Arc<dyn Caller>) -> Self {
        Context { session, deadline, routines: Routines::new(service) }
    }

    /// The session that made the call.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// When the caller stops waiting; `None` if it waits for as long as it takes.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The service's own routines. A generator that comes to need its own key through them gets
    /// [`Error::Cycle`](crate::Error::Cycle).
    pub fn routines(&self) -> &Routines {
        &self.routines
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("session", &self.session).field("deadline", &self.deadline).finish()
    }
}
