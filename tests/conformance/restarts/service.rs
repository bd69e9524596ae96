//! A service that keeps its objects, and is started again now and then. The session goes on.

use super::cut_off::CutOff;
pub(super) use crate::python::service::Outcome;
use crate::python::service::Service as Started;
use std::cell::Cell;
use tarmem::DynamicProxy;
use tarmem_remote::Value;
use tarmem_remote::args::Args;

/// The minimum number of operations for each type: fewer than elsewhere, since each waits for a commit.
pub(super) const OPERATIONS: usize = 2_000;

/// How many calls are made between two starts.
const CALLS: usize = 211;

pub(crate) struct Service {
    started: Started,
    disk: CutOff,
    calls: Cell<usize>,
}

impl Service {
    pub(crate) fn new() -> Self {
        let disk = CutOff::default();
        let started = Started::with(tarmem::Service::new("127.0.0.1", 0).storage(disk.storage()));
        Service { started, disk, calls: Cell::default() }
    }

    pub(crate) fn make(&self, class: &str, args: &[Value]) -> Outcome<Box<DynamicProxy>> {
        self.make_with(class, &args.to_vec().into())
    }

    pub(crate) fn make_with(&self, class: &str, args: &Args) -> Outcome<Box<DynamicProxy>> {
        self.restart_sometimes();
        self.started.make_with(class, args)
    }

    pub(crate) fn call(&self, object: &mut DynamicProxy, method: &str, args: &[Value]) -> Outcome<Value> {
        self.call_with(object, method, &args.to_vec().into())
    }

    pub(crate) fn call_with(&self, object: &mut DynamicProxy, method: &str, args: &Args) -> Outcome<Value> {
        self.restart_sometimes();
        self.started.call_with(object, method, args)
    }

    /// Kills the service or ends it in order, in turn, and starts it again.
    fn restart_sometimes(&self) {
        let calls = self.calls.replace(self.calls.get() + 1);
        if calls % CALLS != CALLS - 1 {
            return;
        }
        let is_killed = (calls / CALLS).is_multiple_of(2);
        let end = async |running: tarmem::RunningService| {
            if is_killed {
                self.disk.cut();
            } else {
                running.shutdown().await;
            }
        };
        self.started.restart(end, |port| tarmem::Service::new("127.0.0.1", port).storage(self.disk.storage()));
    }
}
