//! The client: a session with a service.
//!
//! - [`session`]: what a user has. [`session_state`]: how it is connected. [`builder`]: sets its [`options`].
//!   [`address`]: where its service is.
//! - [`connect`]: one attempt to reach it, over TLS or not; the addresses of a host race ([`happy_eyeballs`]), and
//!   [`unix_error`] says what is wrong with a socket. [`open_session`]: from there to an open session; [`probe`]: what
//!   answers if that is no service.
//! - [`connection`]: one connection, from its handshake on. [`pump`]: how calls and replies go over it.
//! - [`session_handle`]: what a session's callers hold. [`session_core`]: what they share with the task that keeps it
//!   connected.
//! - [`reconnect`]: that task, which runs in the [`background`]: connected, reconnecting, closed. [`pump_task`]: where
//!   it has a connection pumped: on the [`home_runtime`] that the session was made on, or in the background, by the one
//!   task that holds the [`run_permit`].
//! - [`hook_queue`]: what is still to be told to the hook `on_reconnect`. [`wakeup`]: that there is work. [`fork`]:
//!   whether this is still the process that the session was made in.
//! - [`outbox`]: the calls that wait to be sent, and those that wait for a reply. [`in_flight`]: these by their
//!   numbers, in a ring. [`backpressure`]: callers that wait for room. [`reply_acks`]: which batches of replies have
//!   arrived. [`clock`]: the time, at a lower price.

mod address;
mod background;
mod backpressure;
mod builder;
mod clock;
mod connect;
mod connection;
mod fork;
mod happy_eyeballs;
mod home_runtime;
mod hook_queue;
mod in_flight;
mod open_session;
mod options;
mod outbox;
mod probe;
mod pump;
mod pump_task;
mod reconnect;
mod reply_acks;
mod run_permit;
mod session;
mod session_core;
mod session_handle;
mod session_state;
mod unix_error;
mod wakeup;

pub use address::Address;
pub use builder::SessionBuilder;
pub use session::Session;
pub use session_state::{Reconnected, SessionState};
