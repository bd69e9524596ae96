//! Floods of calls, and calls that take long.

use super::{MIB, Serve, call};
use crate::support::raw::{Outcome, PROTOCOL, Raw, open, replies, request, submit};
use futures::future::join_all;
use std::time::{Duration, Instant};
use tarmem::Session;
use tarmem::modules::builtins::{DictProxy, ListProxy};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_calls_whose_replies_are_not_read() {
    let serve = Serve::start(&["--limit", "unsent_bytes=4MiB", "--limit", "uncollected_bytes=8MiB"]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let text = "x".repeat(100_000);
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set("k", text).await.expect("set");
    serve
        // For each of the eight connections: results that were not received, unsent replies, and socket buffers.
        .under(8 * 24 * MIB, async {
            let floods = (0..8).map(|_| {
                let address = &serve.address;
                async move {
                    let mut raw = Raw::at(address).await;
                    raw.send(&open(PROTOCOL)).await;
                    raw.receive_frame().await;
                    let args = postcard::to_stdvec(&[tarmem::Value::from("k")][..]).expect("encodes");
                    let mut sent = 0;
                    // Until the service has taken nothing for a second.
                    for batch in 0_u64..20_000 {
                        let calls = vec![call("dict", "get", &args); 16];
                        let request = submit(batch + 2, batch * 16 + 1, &calls);
                        let written = tokio::time::timeout(Duration::from_secs(1), raw.0.write_all(&request)).await;
                        if !matches!(written, Ok(Ok(()))) {
                            break;
                        }
                        sent += calls.len();
                    }
                    sent
                }
            });
            let sent = join_all(floods).await;
            println!("{sent:?} calls were taken of 320,000 each");
            assert!(sent.iter().all(|sent| *sent < 320_000), "{sent:?}");
        })
        .await;
}

/// One thread serves both clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_take_long() {
    let serve = Serve::start(&["--workers", "1"]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let items = tarmem::Value::List((0..100_000).map(tarmem::Value::from).collect());
    session.memoize("list", ListProxy::new(Some(items))).await.expect("made");
    let answered = serve
        .under(256 * MIB, async {
            let mut raw = Raw::at(&serve.address).await;
            raw.send(&open(PROTOCOL)).await;
            raw.receive_frame().await;
            // Each call searches the whole list, and finds nothing.
            let args = postcard::to_stdvec(&[tarmem::Value::from(-1)][..]).expect("encodes");
            let calls = vec![call("list", "count", &args); 4_000];
            raw.send(&submit(2, 1, &calls)).await;
            let mut answered = 0;
            let mut id = 3;
            let begun = Instant::now();
            while answered < 4_000 && begun.elapsed() < Duration::from_secs(8) {
                // Results of this time come with a poll.
                raw.send(&request(id, 2, &[0])).await;
                id += 1;
                let frame = raw.receive_frame().await;
                answered += replies(&frame).iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).count();
            }
            answered
        })
        .await;
    println!("{answered} answered");
    assert!(answered > 0, "they are done all the same");
}
