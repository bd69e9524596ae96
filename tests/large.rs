//! Large calls: they leave the thread of their connection, and still run in order.

mod support;

#[path = "large/bounds.rs"]
mod bounds;

use futures::future::{Either, poll_fn, select};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::pin::pin;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tarmem::args::Arg;
use tarmem::modules::bisect::insort;
use tarmem::modules::builtins::functions::{sorted, sum};
use tarmem::modules::builtins::{ListProxy, RangeProxy, StrProxy};
use tarmem::modules::collections::OrderedDictProxy;
use tarmem::modules::heapq::heapify;
use tarmem::modules::python::Slice;
use tarmem::object::Extent;
use tarmem::value::to_value;
use tarmem::{Call, Error, PipelinedCall, Proxy, RunningService, Service, Session, Value, args, remote};

/// An object of any size, with a door at which its method waits.
#[remote(module = "large")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Hall {
    extent: usize,
    visits: u64,
}

impl Extent for Hall {
    fn extent(&self) -> usize {
        self.extent
    }
}

#[remote]
impl Hall {
    /// A hall of this size.
    pub fn new(extent: usize) -> Self {
        Hall { extent, visits: 0 }
    }

    /// Waits until the door is open. Returns the number of visits and the thread that it ran on.
    #[remote(scales)]
    pub fn walk(&mut self, number: u64) -> (u64, String) {
        let door = DOORS.lock().unwrap_or_else(PoisonError::into_inner);
        let door = OPENED.wait_while(door, |open| !open.contains(&number)).unwrap_or_else(PoisonError::into_inner);
        drop(door);
        self.visits += 1;
        (self.visits, format!("{:?}", std::thread::current().id()))
    }

    /// How often a caller has waited at a door.
    pub fn visits_so_far(&self) -> u64 {
        self.visits
    }

    /// Does not look at its argument.
    pub fn thread(&self, _filling: Value) -> String {
        format!("{:?}", std::thread::current().id())
    }

    /// Looks at its argument.
    #[remote(scales)]
    pub fn read(&self, _filling: Value) -> String {
        format!("{:?}", std::thread::current().id())
    }
}

/// The doors that are open.
static DOORS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static OPENED: Condvar = Condvar::new();

fn open(number: u64) {
    DOORS.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    OPENED.notify_all();
}

/// A service with one thread for all connections.
async fn narrow() -> (RunningService, Session) {
    let service = Service::new("127.0.0.1", 0).workers(1).start().await.expect("the service starts");
    let address = service.local_addr().expect("a TCP listener").to_string();
    let session = Session::connect(address).await.expect("a session opens");
    (service, session)
}

async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test ends in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beside_a_large_call_are_answered() {
    in_time(async {
        let (_service, session) = narrow().await;
        let hall = session.memoize("hall", HallProxy::new(1 << 20)).await.expect("made");
        let other = session.memoize("other", HallProxy::new(1)).await.expect("made");
        let walk = hall.walk(1).no_timeout().send().await;
        let here = other.thread(Value::Null).await.expect("it is not waited for");
        open(1);
        let (visits, thread) = walk.await.expect("the door is open");
        assert_eq!(visits, 1);
        assert_ne!(thread, here, "it ran on a thread of its own");
        // A small call runs on the connection's thread.
        open(2);
        assert_eq!(other.walk(2).await, Ok((1, here)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_object_keep_their_order() {
    in_time(async {
        let (_service, session) = narrow().await;
        let hall = session.memoize("hall", HallProxy::new(1 << 20)).await.expect("made");
        let walks = (11..15).map(|number| hall.walk(number).no_timeout());
        let mut sent = Vec::new();
        for walk in walks {
            sent.push(walk.send().await);
        }
        let late = hall.walk(15).timeout(Duration::from_millis(50)).await.expect_err("others are inside");
        assert!(matches!(late, Error::DeadlineExceeded { .. }), "{late}");
        // In whichever order the doors open.
        (11..16).rev().for_each(open);
        for (nth, walk) in sent.into_iter().enumerate() {
            assert_eq!(walk.await.expect("its door is open").0, nth as u64 + 1);
        }
        open(16);
        assert_eq!(hall.walk(16).await.expect("its door is open").0, 5, "what came too late was not done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_are_read_on_another_thread() {
    in_time(async {
        let (_service, session) = narrow().await;
        let hall = session.memoize("hall", HallProxy::new(1)).await.expect("made");
        let here = hall.thread(Value::Null).await.expect("answers");
        let large = || Value::List(vec![1.into(); 50_000]);
        assert_eq!(hall.thread(large()).await, Ok(here.clone()), "it does not say that it looks at them");
        assert_eq!(hall.read([1, 2].into()).await, Ok(here.clone()));
        assert_ne!(hall.read(large()).await, Ok(here));
    })
    .await;
}

/// Whether a call that was sent earlier is still running when another call on the same connection is answered.
async fn is_passed<T: Unpin, E: Unpin>(mut call: Call<T, E>, session: &Session) -> bool
where
    Call<T, E>: PipelinedCall<Output = Result<T, E>>,
{
    poll_fn(|cx| call.poll_send(cx)).await;
    let beside = session.is_memoized("nothing");
    // If both replies are in one response, both are ready, and the earlier call counts as answered first.
    match select(pin!(call), pin!(beside.into_future())).await {
        Either::Left(_) => false,
        Either::Right((_, call)) => {
            assert!(call.await.is_ok());
            true
        }
    }
}

/// How many calls were made until one was overtaken. Each takes some milliseconds; on a busy machine, its reply may
/// come first.
async fn passed<T: Unpin, E: Unpin>(session: &Session, make: impl Fn() -> Call<T, E>) -> Option<usize>
where
    Call<T, E>: PipelinedCall<Output = Result<T, E>>,
{
    for made in 1..=100 {
        if is_passed(make(), session).await {
            return Some(made);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_make_or_move_much_hold_up_nobody() {
    in_time(async {
        let (_service, session) = narrow().await;
        for class in ["str", "bytes"] {
            let builtins = session.remote_import("builtins").await.expect("imports");
            let one = || if class == "str" { Value::from("-\t") } else { Value::Bytes(b"-\t".to_vec()) };
            let text = builtins.construct(class, args![one()]).await.expect("made");
            for method in ["center", "ljust", "rjust", "zfill", "expandtabs"] {
                assert!(is_passed(text.call(method, args![10_000_000]), &session).await, "{class}.{method}");
                assert!(!is_passed(text.call(method, args![100]), &session).await, "{class}.{method}, which is small");
            }
        }
        let items = Value::List((0..400_000).map(|n| (n, n).into()).collect());
        let dict = session.create(OrderedDictProxy::new(items)).await.expect("made");
        let move_to = |key: i64, last: bool| dict.dynamic().call("move_to_end", args![key, last]);
        let next = Cell::new(10);
        let moved = passed(&session, || move_to(next.replace(next.get() + 1), false)).await;
        moved.expect("each moves all others");
        for (key, last) in [(7, false), (7, true), (9, true)] {
            move_to(7, false).await.expect("it is there");
            assert!(!is_passed(move_to(key, last), &session).await, "{key}, which moves nothing else");
        }
    })
    .await;
}

fn slice_of(count: i64) -> Value {
    Value::List((0..count).map(|_| 0.into()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_million_elements_hold_up_nobody() {
    in_time(async {
        let (_service, session) = narrow().await;
        let list = session
            .memoize("list", ListProxy::new(Some((0..1000).rev().collect::<Vec<i64>>().into())))
            .await
            .expect("made");
        list.imul(2000.into()).await.expect("it fits");
        assert!(is_passed(list.sort(), &session).await, "sort");
        assert_eq!(list.get::<i64>(0).await, Ok(0), "it is sorted");
        assert!(is_passed(list.dynamic().call("count", args![7]), &session).await, "count");
        assert!(is_passed(list.dynamic().call("__repr__", args![]), &session).await, "repr");
        let held = list.hold().await.expect("there");
        let reference = || to_value(&held).expect("by id");
        assert!(is_passed(sum::remote(reference(), None).call(&session), &session).await, "sum");
        // What a method looks at depends on its arguments, too.
        let slice = || Value::from(Slice::from(0..1_000_000));
        assert!(is_passed(list.dynamic().call("__getitem__", args![slice()]), &session).await, "a slice");
        assert!(!is_passed(list.dynamic().call("__getitem__", args![5]), &session).await, "one element");
        assert!(
            is_passed(list.dynamic().call("__setitem__", args![slice(), slice_of(1_000_000)]), &session).await,
            "into it"
        );
        assert!(!is_passed(list.dynamic().call("__setitem__", args![5, 7]), &session).await, "into one");
        let pops = passed(&session, || list.dynamic().call("pop", args![0])).await.expect("pop of the first");
        assert!(!is_passed(list.dynamic().call("pop", args![]), &session).await, "pop of the last");
        let put = passed(&session, || insort::remote(&list, (-1).into(), Arg::Absent, None, None).call(&session));
        let put = put.await.expect("insort");
        assert!(
            !is_passed(insort::remote(&list, 10_000.into(), Arg::Absent, None, None).call(&session), &session).await,
            "at the end"
        );
        assert_eq!(list.len().await, Ok(2_000_000 - pops + put), "each was done once");
        assert_eq!(list.get::<i64>(0).await, Ok(-1));
        let range =
            session.memoize("range", RangeProxy::new(0.into(), Some(1_000_000.into()), None)).await.expect("made");
        let held = range.hold().await.expect("there");
        assert!(
            is_passed(sum::remote(to_value(&held).expect("by id"), None).call(&session), &session).await,
            "a range"
        );
        let other = session.memoize("other", ListProxy::new(None)).await.expect("made");
        assert!(is_passed(other.extend_values(reference()), &session).await, "extend by a live object");
        assert!(is_passed(heapify::remote(&other).call(&session), &session).await, "heapify");
        assert_eq!(other.len().await, list.len().await);
        let text = session
            .memoize("text", StrProxy::new(Some("a b c d ".repeat(200_000).into()), None, None))
            .await
            .expect("made");
        assert!(is_passed(text.dynamic().call("split", args![",b"]), &session).await, "split");
        assert!(is_passed(sorted::remote(reference(), None, None).call(&session), &session).await, "sorted");
    })
    .await;
}
