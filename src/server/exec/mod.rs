//! Runs the operations that clients send: from a batch to the method, function or generator, and back to a reply.
//!
//! - [`engine`]: the service without its sockets. [`sessions`]: how a session is opened. [`batch`]: the operations of a
//!   client's batch; [`dispatch`]: where an operation comes in; [`step`]: how much of it is done at once, and its
//!   reply; [`shutdown`]: the end of the service.
//! - [`request`]: who asks for an operation, and its deadline; [`target`]: which object and method it is for;
//!   [`authorize`]: whether the session may do it; [`checks`]: keys, names and classes.
//! - [`memoize`]: `memoize`, `update` and `create`. [`run_function`]: objects from their sources, and results of
//!   functions; [`function_call`]: one call of a function; [`evaluation`]: a generator that is running; [`new_object`]:
//!   the object that it made, on its way into the store.
//! - [`backup`]: copies what is kept. [`call`]: methods. [`multi_object`]: functions over several objects.
//! - [`looking`]: how a call looks into objects that it only has references to. [`large_calls`]: calls that look at
//!   much.
//! - [`local_caller`]: calls from within the process; [`held_by_caller`]: what the caller of such a call holds.

mod authorize;
mod backup;
pub(super) mod batch;
mod call;
mod checks;
mod dispatch;
pub(crate) mod engine;
mod evaluation;
mod function_call;
mod held_by_caller;
mod large_calls;
mod local_caller;
mod looking;
mod memoize;
mod multi_object;
mod new_object;
mod request;
mod run_function;
mod sessions;
mod shutdown;
mod step;
mod target;
