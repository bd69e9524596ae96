//! Running operations.
//!
//! - [`engine`]: the service without its sockets. [`dispatch`]: where an operation comes in; [`step`]: how far it comes at once,
//!   and its reply; [`shutdown`]: the end of the service.
//! - [`request`]: who asks for an operation; [`deadline`]: by when; [`target`]: which object and method it is for;
//!   [`authorize`]: whether the session may do it; [`checks`]: keys, names and classes.
//! - [`memoize`]: `memoize`, `update` and `create`. [`run_function`]: objects from their sources, and results of functions;
//!   [`function_call`]: one call of a function; [`evaluation`]: a generator that is running.
//! - [`call`]: methods. [`multi_object`]: functions over several objects.
//! - [`looking`]: what a call reads of the objects that it only has references to. [`large_calls`]: calls that look at much.
//! - [`cancellation`]: whether a call has begun, and stopping it. [`panics`]: a panic is an error of its call.
//! - [`local_caller`]: calls from within the process; [`held_by_caller`]: what such a call's caller holds.

mod authorize;
mod call;
pub(super) mod cancellation;
mod checks;
pub(super) mod deadline;
mod dispatch;
pub(crate) mod engine;
mod evaluation;
mod function_call;
mod held_by_caller;
pub(super) mod large_calls;
pub(crate) mod local_caller;
mod looking;
mod memoize;
mod multi_object;
pub(super) mod panics;
pub(super) mod request;
mod run_function;
mod shutdown;
pub(super) mod step;
mod target;
