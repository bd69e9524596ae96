//! What tarmem's callers do besides adding: append, get, memoize, lock.

use super::support::peer::Connection;
use super::support::tarmem_peer::CounterProxy;
use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::threading::LockProxy;
use tarmem::{Session, remote};

/// What is appended: as many bytes as `redis-benchmark` appends.
pub(crate) const ELEMENT: &str = "VXK";

/// Some bytes.
#[remote(module = "bench")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Blob {
    data: Bytes,
}

#[remote]
impl Blob {
    /// A blob of this many bytes.
    #[remote(inline)]
    pub fn of_size(size: usize) -> Self {
        Blob { data: vec![7; size].into() }
    }

    /// All of its bytes.
    pub fn get(&self) -> Bytes {
        self.data.clone()
    }
}

pub(crate) async fn session(port: u16) -> Session {
    Session::connect(format!("127.0.0.1:{port}")).await.expect("a session")
}

/// Appends to a list, which is new for each measurement.
#[derive(Clone)]
pub(crate) struct Appending {
    session: Session,
    list: ListProxy,
}

impl Connection for Appending {
    async fn connect(port: u16) -> Self {
        let session = session(port).await;
        let list = session.update("list", ListProxy::new(None)).await.expect("a list");
        Appending { session, list }
    }

    async fn call(&self) {
        self.list.append(ELEMENT).await.expect("room");
    }

    async fn pipeline(&self, depth: usize) {
        for done in self.session.pipeline((0..depth).map(|_| self.list.append(ELEMENT))).await {
            done.expect("room");
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}

/// Gets a value of a given size.
#[derive(Clone)]
pub(crate) struct Getting<const SIZE: usize> {
    session: Session,
    blob: BlobProxy,
}

impl<const SIZE: usize> Connection for Getting<SIZE> {
    async fn connect(port: u16) -> Self {
        let session = session(port).await;
        let blob = session.memoize(&format!("blob:{SIZE}"), BlobProxy::of_size(SIZE)).await.expect("a blob");
        Getting { session, blob }
    }

    async fn call(&self) {
        assert_eq!(self.blob.get().await.expect("a value").len(), SIZE);
    }

    async fn pipeline(&self, depth: usize) {
        for value in self.session.pipeline((0..depth).map(|_| self.blob.get())).await {
            assert_eq!(value.expect("a value").len(), SIZE);
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}

/// Memoizes under a key that is already mapped.
#[derive(Clone)]
pub(crate) struct Memoizing(Session);

impl Connection for Memoizing {
    async fn connect(port: u16) -> Self {
        Memoizing(session(port).await)
    }

    async fn call(&self) {
        self.0.memoize("memoized", CounterProxy::new()).await.expect("a counter");
    }

    async fn pipeline(&self, depth: usize) {
        join_all((0..depth).map(|_| self.call())).await;
    }

    async fn close(self) {
        self.0.close().await;
    }
}

/// Acquires a lock that nobody else wants, and releases it.
#[derive(Clone)]
pub(crate) struct Locking {
    session: Session,
    lock: LockProxy,
}

impl Connection for Locking {
    async fn connect(port: u16) -> Self {
        let session = session(port).await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("a lock");
        Locking { session, lock }
    }

    async fn call(&self) {
        self.lock.acquire().await.expect("nobody holds it").release().await.expect("it was held");
    }

    async fn pipeline(&self, depth: usize) {
        for _ in 0..depth {
            self.call().await;
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}
