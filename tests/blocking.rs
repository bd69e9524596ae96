//! The client for code without an async runtime.

mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};
use tarmem::blocking::{self, Session, Wait};
use tarmem::{Error, RunningService, Service};
use tarmem_test_models::{Account, AccountProxy};

/// After this, a call hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// What `ask` gives, which has to be soon.
fn soon<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(ask()));
    receiver.recv_timeout(LIMIT).expect("it does not hang")
}

fn service() -> RunningService {
    blocking::start(Service::new("127.0.0.1", 0)).expect("starts")
}

#[test]
fn proxies_go_on_without_their_session() {
    let service = service();
    let session = Session::connect(service.address()).expect("connects");
    let named = session.memoize("k", AccountProxy::open(1)).wait().expect("made");
    let unnamed = session.create(AccountProxy::open(10)).wait().expect("made");
    drop(session);
    let (named, unnamed) = soon(move || {
        for n in 2..100 {
            assert_eq!(named.deposit(1).wait(), Ok(n));
        }
        assert_eq!(unnamed.deposit(1).wait(), Ok(11));
        (named, unnamed)
    });
    // The last of them ends the session: what it held is given up.
    drop(named);
    assert_eq!(service.object_count(), 2);
    drop(unnamed);
    let begun = Instant::now();
    while service.object_count() > 1 {
        assert!(begun.elapsed() < LIMIT, "the session does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    blocking::shutdown(service);
}

#[test]
fn a_closed_session_fails_its_calls_at_once() {
    let service = service();
    let session = Session::connect(service.address()).expect("connects");
    let account = session.memoize("k", AccountProxy::open(1)).wait().expect("made");
    let clone = session.clone();
    soon(move || session.close());
    let error = soon(move || account.balance().wait()).expect_err("closed");
    assert!(matches!(error, Error::Closed { ref cause, .. } if cause.contains("closed here")), "{error}");
    assert!(matches!(soon(move || clone.is_memoized("k").wait()), Err(Error::Closed { .. })));
    blocking::shutdown(service);
}

#[test]
fn a_service_that_ends_and_does_not_come_back_fails_calls() {
    let service = service();
    let builder = tarmem::Session::builder(service.address()).max_retry(1).retry_delay(Duration::from_millis(20));
    let session = Session::connect_with(builder).expect("connects");
    let account = session.memoize("k", AccountProxy::open(1)).wait().expect("made");
    drop(session);
    blocking::shutdown(service);
    let error = soon(move || account.balance().wait()).expect_err("it is gone");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[test]
fn nobody_there_is_one_clear_error() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").to_string();
    let builder = tarmem::Session::builder(gone).max_retry(1).retry_delay(Duration::from_millis(20));
    let error = soon(move || Session::connect_with(builder).map(drop)).expect_err("nobody is there");
    assert!(matches!(error, Error::Unreachable { attempts: 2, .. }), "{error}");
}

#[test]
fn a_thread_that_runs_async_tasks_is_held_up_and_no_more() {
    let service = service();
    let address = service.address();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
    let balance = runtime.block_on(async {
        let session = Session::connect(address).expect("connects");
        session.memoize("k", Account::open(3)).wait().expect("made").balance().wait()
    });
    assert_eq!(balance, Ok(3));
    blocking::shutdown(service);
}
