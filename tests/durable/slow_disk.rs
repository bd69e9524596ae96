//! A disk that is slower than the clients: what waits for it is bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tarmem::modules::builtins::ListProxy;
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage};
use tarmem::{CallError, Durability, Limits, Service, Session};
use tarmem_storage::Hooked;

/// Of a disk that takes a batch only when it is told to, and remembers how large the largest was.
#[derive(Default)]
struct State {
    stuck: bool,
    largest: usize,
}

const CLIENTS: usize = 4;
const TASKS: usize = 16;
const CALLS: usize = 40;
const ITEM: usize = 4 << 10;

/// What gathers while the disk is stuck is a fraction of what the clients send. (Where replies wait for the disk, each
/// task has one call under way.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_not_read_while_the_disk_is_behind() {
    for durability in [Durability::Never, Durability::Within(Duration::from_secs(1))] {
        let disk: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let committing = Arc::clone(&disk);
        let storage = Hooked::new(MemoryStorage::open(&MemoryDisk::default()), move |batch: &Batch| {
            let (state, changed) = &*committing;
            let mut state = state.lock().expect("whole");
            state.largest = state.largest.max(batch.len());
            changed.notify_all();
            drop(changed.wait_while(state, |state| state.stuck).expect("whole"));
            Ok(())
        });
        let mut limits = Limits::default();
        (limits.unsaved_bytes, limits.batch_operations, limits.frame_bytes) = (128 << 10, 16, 128 << 10);
        limits.lease = Duration::from_secs(1);
        let service = Service::new("127.0.0.1", 0).limits(limits).storage(storage).durability(durability);
        let service = service.start().await.expect("it starts");
        let mut sessions = Vec::new();
        for client in 0..CLIENTS {
            let session = Session::connect(service.address()).await.expect("it connects");
            let list = session.memoize(&format!("list {client}"), ListProxy::new(None)).await.expect("made");
            list.append("x".repeat(ITEM)).await.expect("appended");
            sessions.push((session, list));
        }
        {
            let mut state = disk.0.lock().expect("whole");
            (state.stuck, state.largest) = (true, 0);
        }
        let made: Arc<AtomicUsize> = Arc::default();
        let callers: Vec<_> = sessions
            .iter()
            .flat_map(|(_, list)| (0..TASKS).map(|_| list.clone()))
            .map(|list| {
                let made = Arc::clone(&made);
                tokio::spawn(async move {
                    for _ in 0..CALLS {
                        list.append("y".repeat(ITEM)).await?;
                        // Its result is noted.
                        list.pop::<String>().await?;
                        made.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok::<_, CallError<_>>(())
                })
            })
            .collect();
        // Longer than the lease: a client that is not read from is alive all the same.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let made = made.load(Ordering::SeqCst);
        disk.0.lock().expect("whole").stuck = false;
        disk.1.notify_all();
        for caller in callers {
            caller.await.expect("it ends").expect("each call is made");
        }
        for (_, list) in &sessions {
            assert_eq!(list.len().await, Ok(1), "{durability:?}");
        }
        // Replies go ahead of what they tell of, which is on disk in the end.
        service.shutdown().await;
        let largest = disk.0.lock().expect("whole").largest;
        let sent = CLIENTS * TASKS * CALLS;
        assert!(made < sent / 2, "{durability:?}: {made} of {sent} were made while the disk was stuck");
        // Beyond the limit only what was being read: a frame of each connection, and the states of the lists.
        let most = (128 << 10) + CLIENTS * (2 * (128 << 10) + (TASKS + 1) * ITEM);
        assert!(largest <= most, "{durability:?}: a batch had {largest} bytes, over {most}");
        println!("{durability:?}: {made} of {sent} calls, {largest} of {} bytes", sent * ITEM);
    }
}
