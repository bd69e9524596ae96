//! Tests of `#[remote]` on the object model, without a service: what it registers, what its dispatch functions do, and
//! which operations its proxies send.

mod by_names;
mod classes;
mod defaults;
mod functions;
mod further;
mod interfaces;
mod loopback;
mod names;
mod objects;
mod registry;
