//! Sources of empty collections.

use super::Exception;
use super::builtins::{Dict, DictProxy, List, ListProxy, Set, SetProxy, Tuple, TupleProxy};
use super::collections::{Counter, CounterProxy, Deque, DequeProxy, OrderedDict, OrderedDictProxy};
use super::multiprocessing::{JoinableQueue, JoinableQueueProxy, SharedQueue, SharedQueueProxy};
use super::queue::{
    LifoQueue, LifoQueueProxy, PriorityQueue, PriorityQueueProxy, Queue, QueueProxy, SimpleQueue, SimpleQueueProxy,
};
use super::types::{SimpleNamespace, SimpleNamespaceProxy};
use tarmem_remote::source::FunctionCall;

macro_rules! empty {
    ($($proxy:ident($($argument:expr),*) -> $class:ident $(or $failure:ty)?;)*) => {$(
        impl $proxy {
            /// An empty collection: a source for `memoize`, `update` and `create`.
            #[allow(clippy::should_implement_trait, reason = "a proxy is of an object; this is what makes one")]
            pub fn default() -> FunctionCall<$class $(, tarmem_remote::CallError<$failure>)?> {
                Self::new($($argument),*)
            }
        }
    )*};
}

empty! {
    ListProxy(()) -> List or Exception;
    DictProxy(()) -> Dict or Exception;
    SetProxy(()) -> Set or Exception;
    TupleProxy(()) -> Tuple or Exception;
    DequeProxy((), None) -> Deque or Exception;
    CounterProxy(None) -> Counter or Exception;
    OrderedDictProxy(()) -> OrderedDict or Exception;
    SimpleNamespaceProxy(()) -> SimpleNamespace or Exception;
    QueueProxy(()) -> Queue;
    LifoQueueProxy(()) -> LifoQueue;
    PriorityQueueProxy(()) -> PriorityQueue;
    SimpleQueueProxy() -> SimpleQueue;
    SharedQueueProxy(()) -> SharedQueue;
    JoinableQueueProxy(()) -> JoinableQueue;
}
