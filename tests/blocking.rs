//! The client for code without an async runtime.

mod support;

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tarmem::blocking::{self, Session, Wait, WaitEach};
use tarmem::modules::builtins::ListProxy;
use tarmem::{Error, RunningService, Service};
use tarmem_test_models::{Account, AccountProxy};

/// A call that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// The result of `ask`, which has to come soon.
fn soon<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(ask()));
    receiver.recv_timeout(LIMIT).expect("it does not hang")
}

fn service() -> RunningService {
    blocking::start(Service::new("127.0.0.1", 0)).expect("starts")
}

#[test]
fn proxies_work_without_their_session() {
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
    // The last of them ends the session, which releases what it held.
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
fn connecting_to_no_service_is_one_clear_error() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").to_string();
    let builder = tarmem::Session::builder(gone).max_retry(1).retry_delay(Duration::from_millis(20));
    let error = soon(move || Session::connect_with(builder).map(drop)).expect_err("nobody is there");
    assert!(matches!(error, Error::Unreachable { attempts: 2, .. }), "{error}");
}

/// The message for a caller that waits where waiting is not permitted.
fn refusal(wait: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(wait).expect_err("it panics");
    (*panic.downcast_ref::<&str>().expect("a message")).to_owned()
}

#[test]
fn waiting_on_a_thread_that_runs_async_tasks_is_refused_at_once() {
    let service = service();
    let address = service.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    let kept = Session::connect(&*address).expect("connects");
    for runtime in [&runtime, &many] {
        let (kept, address) = (kept.clone(), address.clone());
        runtime.block_on(async {
            let session = tarmem::Session::connect(&*address).await.expect("connects");
            let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
            let refusals = [
                refusal(AssertUnwindSafe(|| drop(session.is_memoized("k").wait()))),
                refusal(AssertUnwindSafe(|| drop(kept.is_memoized("k").wait()))),
                refusal(AssertUnwindSafe(|| drop(list.iter::<i64>().wait_each().next()))),
                refusal(AssertUnwindSafe(|| kept.close())),
                refusal(AssertUnwindSafe(|| drop(Session::connect(&*address)))),
            ];
            for refusal in refusals {
                assert!(refusal.contains(".await") && refusal.contains("spawn_blocking"), "{refusal}");
            }
            // Waiting is permitted here.
            let waited = tokio::task::spawn_blocking(move || session.is_memoized("list").wait()).await;
            assert_eq!(waited.expect("no panic"), Ok(true));
        });
    }
    let waited = many.block_on(async {
        tokio::spawn(async move { tokio::task::block_in_place(|| kept.is_memoized("list").wait()) }).await
    });
    assert_eq!(waited.expect("no panic"), Ok(true));
    blocking::shutdown(service);
}

#[test]
fn a_refused_wait_prints_only_its_own_message() {
    // What the threads of this test print.
    static PRINTED: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default().to_owned();
        PRINTED.lock().unwrap_or_else(PoisonError::into_inner).push((std::thread::current().id(), message));
        before(panic);
    }));
    let refused = || {
        refusal(|| std::future::ready(()).wait());
        let this = std::thread::current().id();
        let mut printed = PRINTED.lock().unwrap_or_else(PoisonError::into_inner);
        printed.extract_if(.., |(thread, _)| *thread == this).map(|(_, message)| message).collect::<Vec<_>>()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    let task = |runtime: &tokio::runtime::Runtime| {
        runtime.block_on(async move { tokio::spawn(async move { refused() }).await.expect("no panic") })
    };
    let printed =
        [runtime.block_on(async { refused() }), many.block_on(async { refused() }), task(&runtime), task(&many)];
    for messages in printed {
        assert!(matches!(&messages[..], [ours] if ours.contains("spawn_blocking")), "{messages:?}");
    }
}

#[test]
fn a_future_that_is_waited_for_may_itself_wait() {
    let service = service();
    let session = Session::connect(service.address()).expect("connects");
    let account = session.memoize("k", AccountProxy::open(1)).wait().expect("made");
    let balance = soon(move || {
        async {
            // Each is woken while the other one waits.
            let (one, other) = (account.deposit(1).send().await, account.deposit(10).send().await);
            let balance = other.wait().expect("made");
            assert_eq!(async { account.deposit(100).wait() }.wait(), Ok(112));
            (one.await.expect("made"), balance)
        }
        .wait()
    });
    assert_eq!(balance, (2, 12));
    blocking::shutdown(service);
}

/// The exit status of `child`, run in a child of this process. It has to be small and to come soon.
fn in_child(child: impl FnOnce() -> u8) -> i32 {
    // SAFETY: the child has only this thread, and runs nothing but `child`, which tests what such a child may not do.
    // It leaves without running destructors, and by a signal if it hangs.
    unsafe {
        let process = libc::fork();
        assert!(process >= 0, "it forks");
        if process == 0 {
            libc::alarm(20);
            libc::_exit(i32::from(child()));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(process, &raw mut status, 0), process);
        assert!(libc::WIFEXITED(status), "it hangs: {status}");
        libc::WEXITSTATUS(status)
    }
}

#[test]
fn a_forked_child_is_told_that_the_session_is_its_parents() {
    let service = service();
    let address = service.address();
    let session = Session::connect(&*address).expect("connects");
    let account = session.memoize("k", AccountProxy::open(1)).wait().expect("made");
    let pending = account.deposit(1);
    let code = in_child(|| {
        let forked = |result: Result<i64, Error>| {
            result.is_err_and(|e| matches!(e, Error::Forked { .. }) && e.to_string().contains("connect again"))
        };
        if !forked(account.balance().timeout(Duration::from_millis(50)).wait()) {
            return 1;
        }
        if !forked(pending.wait()) || !matches!(session.ended(), Some(Error::Forked { .. })) {
            return 2;
        }
        session.close();
        drop(account.clone());
        drop(session.clone());
        // The child can open its own session.
        let Ok(own) = Session::connect(&*address) else { return 3 };
        if own.get::<Account>("k").wait().map(|account| account.deposit(5).wait()) != Ok(Ok(6)) {
            return 4;
        }
        0
    });
    assert_eq!(code, 0);
    // The parent's session still works.
    assert_eq!(account.deposit(1).wait(), Ok(7));
    blocking::shutdown(service);
}
