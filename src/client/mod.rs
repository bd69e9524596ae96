//! The client: a session with a service.
//!
//! - [`session`]: the session as its user sees it, with its [`session_state`]; [`builder`] sets its [`options`], and
//!   [`address`] parses the address of the service.
//! - [`connect`]: makes one attempt to connect, with or without TLS; [`happy_eyeballs`] races the addresses of a host,
//!   and [`unix_error`] explains why a Unix socket cannot be connected to. [`open_session`]: connects and opens a
//!   session; [`probe`] finds out what answers if it is not a tarmem service. [`retries`]: when to try again, and when
//!   to give up. [`service_state`]: the state of a service, for those who only ask.
//! - [`connection`]: one connection, from its handshake on. [`pump`]: sends calls and receives replies over it.
//! - [`session_handle`]: held by a session's callers. [`session_core`]: the state that they share with the task that
//!   keeps the session connected.
//! - [`reconnect`]: that task, which runs in the [`background`]. [`pump_task`]: runs the pump of a connection, on the
//!   [`home_runtime`] that the session was made on or in the background; only the task with the [`run_permit`] runs.
//! - [`hook_queue`]: events for the hook `on_reconnect`. [`wakeup`]: wakes the pump. [`fork`]: detects that the process
//!   was forked.
//! - [`outbox`]: the calls that wait to be sent or to be answered. [`in_flight`]: calls by their sequence numbers, in a
//!   ring. [`backpressure`]: callers that wait for room. [`reply_acks`]: which batches of replies have arrived.
//!   [`clock`]: a cheap clock.

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
mod retries;
mod run_permit;
mod service_state;
mod session;
mod session_core;
mod session_handle;
mod session_state;
mod unix_error;
mod wakeup;

pub use address::Address;
pub use builder::SessionBuilder;
pub use service_state::ServiceState;
pub use session::Session;
pub use session_state::{Reconnected, SessionState};
