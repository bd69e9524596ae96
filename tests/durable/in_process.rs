//! Sessions in the service's own process.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc as blocking;
use std::task::Poll;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::threading::EventProxy;
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, StorageError};
use tarmem::{CallError, Error, OnStorageFailure, RunningService, Service};
use tarmem_storage::Hooked;
use tokio::sync::mpsc;

/// What a storage is told to do when it is to commit a batch that is not empty.
#[derive(Debug, PartialEq)]
enum Does {
    Commit,
    Fail,
}

/// A service on a storage that asks what to do, what it asks, and what it is told.
async fn told() -> (RunningService, mpsc::UnboundedReceiver<()>, blocking::Sender<Does>) {
    let ((asks, mut asked), (tell, does)) = (mpsc::unbounded_channel(), blocking::channel());
    let ask = move |batch: &Batch| match !batch.is_empty() && asks.send(()).is_ok() && does.recv() == Ok(Does::Fail) {
        true => Err(StorageError::Refused("planted".to_owned())),
        false => Ok(()),
    };
    let storage = Hooked::new(MemoryStorage::open(&MemoryDisk::default()), ask);
    let service = Service::without_listener().storage(storage).on_storage_failure(OnStorageFailure::Refuse);
    let service = committing(service.start(), &mut asked, &tell).await.expect("it starts");
    (service, asked, tell)
}

/// Lets everything be committed that comes while this waits.
async fn committing<T>(
    work: impl Future<Output = T>,
    asked: &mut mpsc::UnboundedReceiver<()>,
    tell: &blocking::Sender<Does>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(()) = asked.recv() => tell.send(Does::Commit).expect("the storage listens"),
        }
    }
}

#[tokio::test]
async fn a_session_in_process_learns_of_nothing_that_is_not_on_disk() {
    let (service, mut asked, tell) = told().await;
    let (one, other) = (service.session(), service.session());
    let list = committing(one.memoize("list", ListProxy::new(None)), &mut asked, &tell).await.expect("it is made");
    let seen = committing(other.get::<List>("list"), &mut asked, &tell).await.expect("it is there");
    let event = committing(one.memoize("event", EventProxy::new()), &mut asked, &tell).await.expect("it is made");
    let (mut appends, mut looks, mut waits) = (pin!(list.append(7)), pin!(seen.len()), pin!(event.wait()));
    assert_eq!(futures::poll!(&mut appends), Poll::Pending);
    // The storage has begun, and has not ended.
    asked.recv().await.expect("it asks");
    assert_eq!(futures::poll!(&mut appends), Poll::Pending);
    assert_eq!(futures::poll!(&mut looks), Poll::Pending, "it has seen the item");
    assert_eq!(futures::poll!(&mut waits), Poll::Pending);
    tell.send(Does::Commit).expect("the storage listens");
    let ended = async { (appends.await, looks.await) };
    assert_eq!(committing(ended, &mut asked, &tell).await, (Ok(()), Ok(1)));
    // What is on disk is seen at once.
    assert_eq!(futures::poll!(pin!(seen.len())), Poll::Ready(Ok(1)));
    // A call that has waited hears of its end once it is on disk.
    let mut sets = pin!(event.set());
    assert_eq!(futures::poll!(&mut sets), Poll::Pending);
    let both = async { (sets.await, waits.await) };
    assert_eq!(committing(both, &mut asked, &tell).await, (Ok(()), Ok(true)));
    drop(tell);
}

#[tokio::test]
async fn a_session_in_process_is_told_that_the_storage_has_failed() {
    let (service, mut asked, tell) = told().await;
    let session = service.session();
    let list = committing(session.memoize("list", ListProxy::new(None)), &mut asked, &tell).await.expect("it is made");
    let mut appends = pin!(list.append(7));
    assert_eq!(futures::poll!(&mut appends), Poll::Pending);
    asked.recv().await.expect("it asks");
    tell.send(Does::Fail).expect("the storage listens");
    let failed = appends.await.expect_err("it is not on disk");
    assert!(matches!(failed, CallError::Failed(Error::StorageFailed { .. })), "{failed}");
    let failed = list.len().await.expect_err("it sees what is not on disk");
    assert!(matches!(failed, Error::StorageFailed { .. }), "{failed}");
}
