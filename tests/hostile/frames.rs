//! Malformed bytes, and connections that send hardly any.

use super::{MIB, Serve, call, is_closed};
use crate::support::raw::{Outcome, PROTOCOL, Raw, frame, hello, open, replies, request, submit};
use futures::future::join_all;
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::operation::{FunctionRef, Operation, SourceRef};
use tarmem::{Proxy, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_connections_that_send_only_a_header() {
    let serve = Serve::start(&["--limit", "handshake_time=1m"]).await;
    // Each connection takes some kilobytes, whatever it announces: 2,000 times 16 MiB would be 32 GB.
    serve
        .under(64 * MIB, async {
            let mut held = Vec::new();
            for index in 0..2_000_u32 {
                let mut raw = Raw::at(&serve.address).await;
                // Half of them open a session first, and may announce more.
                if index % 2 == 0 {
                    raw.send(&open(PROTOCOL)).await;
                    raw.receive_frame().await;
                    raw.send(&(16_u32 << 20).to_be_bytes()).await;
                } else {
                    raw.send(&4096_u32.to_be_bytes()).await;
                }
                held.push(raw);
            }
        })
        .await;
    // A connection that announces more than the limit is refused at once.
    let mut raw = Raw::at(&serve.address).await;
    raw.send(&(16_u32 << 20).to_be_bytes()).await;
    assert!(is_closed(raw.0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_at_a_time() {
    let serve = Serve::start(&["--limit", "handshake_time=600ms", "--limit", "frame_time=600ms"]).await;
    serve
        .under(16 * MIB, async {
            let slow = (0..100).map(|index| {
                let address = &serve.address;
                async move {
                    let mut raw = Raw::at(address).await;
                    if index % 2 == 0 {
                        raw.send(&open(PROTOCOL)).await;
                        raw.receive_frame().await;
                    }
                    let (mut reads, mut writes) = raw.0.into_split();
                    // Sending all of it would take half a minute.
                    let drip = async {
                        for byte in frame(&[0; 300]) {
                            if writes.write_all(&[byte]).await.is_err() {
                                return;
                            }
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                        panic!("it could send all of it");
                    };
                    let closed = async {
                        let mut rest = Vec::new();
                        let _ = reads.read_to_end(&mut rest).await;
                    };
                    tokio::select! { () = drip => {}, () = closed => {} }
                }
            });
            tokio::time::timeout(Duration::from_secs(15), join_all(slow)).await.expect("all are sent away");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_the_announced_maximum() {
    let serve = Serve::start(&[]).await;
    let largest = 16 << 20;
    serve
        // Four at a time, each with a decoded copy.
        .under(16 * 16 * MIB, async {
            let attacks = (0..4_u8).map(|kind| {
                let address = &serve.address;
                async move {
                    for _ in 0..3 {
                        let mut raw = Raw::at(address).await;
                        raw.send(&open(PROTOCOL)).await;
                        raw.receive_frame().await;
                        let body: Vec<u8> = match kind {
                            // Zeros; empty operations; one large argument; one byte too many.
                            0 => vec![0; largest - 32],
                            1 => (0..(largest - 32) / 4).flat_map(|n| [1 + (n % 100) as u8, 0, 0, 0]).collect(),
                            2 => {
                                let args = vec![7; largest - 1024];
                                let request = submit(2, 1, &[call("well-behaved", "add", &args)]);
                                raw.send(&request).await;
                                raw.receive_frame().await;
                                continue;
                            }
                            _ => vec![0; largest + 1],
                        };
                        raw.send(&request(2, 1, &body)).await;
                        let mut rest = vec![0; 4096];
                        let heard = raw.0.read(&mut rest);
                        let _ = tokio::time::timeout(Duration::from_secs(10), heard)
                            .await
                            .expect("it is answered, or sent away");
                    }
                }
            });
            join_all(attacks).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nesting_bombs() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    serve
        .under(64 * MIB, async {
            for depth in [63, 64, 65, 1_000, 1_000_000, 4_000_000] {
                // Nested lists of one element: the tag of a list, and its length.
                let list = postcard::to_stdvec(&tarmem::Value::List(vec![])).expect("encodes")[0];
                let mut args = vec![1];
                args.extend((0..depth).flat_map(|_| [list, 1]));
                args.extend([list, 0]);
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&open(PROTOCOL)).await;
                raw.receive_frame().await;
                let function = FunctionRef::Name { module: "builtins", name: "list" };
                let encoding = tarmem_remote::dispatch::Encoding::Dynamic;
                let create =
                    Operation::Create { source: SourceRef::Generator { function, encoding, args: &args }, expect: "" };
                raw.send(&submit(2, 1, &[call("list", "append", &args), create])).await;
                let mut answers = replies(&raw.receive_frame().await);
                // Large operations are decoded on another thread, and their replies come with a poll.
                let is_over = |answer: &&(u64, Outcome)| !matches!(answer.1, Outcome::Pending);
                for poll in 100.. {
                    if answers.iter().filter(is_over).count() == 2 {
                        break;
                    }
                    raw.send(&request(poll, 2, &[0])).await;
                    answers.extend(replies(&raw.receive_frame().await));
                }
                for (_, outcome) in answers.iter().filter(is_over) {
                    let refused = matches!(outcome, Outcome::Failed(_) | Outcome::Raised(..));
                    assert!(refused || depth < 64, "{depth}: {outcome:?}");
                }
                // As an operation, and as the first message.
                raw.send(&request(3, 1, &[vec![0, 2, 0, 0], vec![0xff; 3], vec![list; depth.min(1 << 20)]].concat()))
                    .await;
                let mut stranger = Raw::at(&serve.address).await;
                stranger.send(&request(1, 0, &vec![list; depth.min(4_000)])).await;
                assert!(is_closed(stranger.0).await);
            }
        })
        .await;
    assert_eq!(
        session.get::<List>("list").await.expect("there").snapshot().await.expect("shown").as_list().map(<[_]>::len),
        Some(0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_deadlines_and_unknown_variants() {
    let serve = Serve::start(&[]).await;
    serve
        .under(32 * MIB, async {
            for timeout in [0_u64, 1, 1 << 36, (1 << 36) + 1, 1 << 53, u64::MAX - 1, u64::MAX] {
                let mut raw = Raw::at(&serve.address).await;
                // tarpc's own timeout, in the head of the request.
                let mut message = postcard::to_stdvec(&(0_u8, 1_u64, timeout, 0_u8)).expect("encodes");
                message.extend(hello(PROTOCOL));
                raw.send(&frame(&message)).await;
                // A request with a timeout of zero may get no answer.
                if timeout > 1 {
                    raw.receive_frame().await;
                    // The timeout of the call, in the batch.
                    let operation = call("well-behaved", "get", &[0]).encode().expect("encodes");
                    let mut batch = vec![0];
                    batch.extend(postcard::to_stdvec(&(1_u64, 0_u64, timeout, &*operation)).expect("encodes"));
                    raw.send(&request(2, 1, &batch)).await;
                    let answers = replies(&raw.receive_frame().await);
                    assert!(matches!(answers[..], [(1, Outcome::Done(_))]), "{timeout}: {answers:?}");
                }
            }
            for byte in 0..=255_u8 {
                // Unknown variants of tarpc's messages, methods, operations, targets and encodings.
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&open(PROTOCOL)).await;
                raw.receive_frame().await;
                let get = Operation::Get { key: "well-behaved", expect: "" }.encode().expect("encodes");
                let called = call("well-behaved", "get", &[0]).encode().expect("encodes");
                let mut operations: Vec<Vec<u8>> = Vec::new();
                for operation in [get, called] {
                    operations.extend((0..operation.len()).map(|at| {
                        let mut changed = operation.to_vec();
                        changed[at] = byte;
                        changed
                    }));
                }
                let mut batch = vec![0];
                for (sequence, operation) in (1_u64..).zip(&operations) {
                    batch.extend(postcard::to_stdvec(&(sequence, 0_u64, 1_000_u64, operation)).expect("encodes"));
                }
                raw.send(&request(2, 1, &batch)).await;
                let answers = raw.receive_replies(operations.len()).await;
                assert_eq!(answers.len(), operations.len(), "each is answered");
                raw.send(&request(3, byte, &[0])).await;
                let message = postcard::to_stdvec(&(byte, 4_u64, 1_000_u64, 2_u8, 0_u8)).expect("encodes");
                raw.send(&frame(&message)).await;
            }
        })
        .await;
}
