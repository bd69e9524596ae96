//! Clients that open sessions and abandon them, or try to take over those of others.

use super::{MIB, Serve, is_closed};
use crate::support::fault::{Faults, Network};
use crate::support::raw::{PROTOCOL, Raw, hello_with, request, submit};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::operation::Operation;
use tarmem::{Error, Proxy, Session};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_abandoned_sessions() {
    let serve = Serve::start(&["--limit", "lease=3s", "--limit", "sessions=2000"]).await;
    let (opened, refused) = serve
        .under(96 * MIB, async {
            let open = request(1, 0, &hello_with(None));
            let used = submit(2, 1, &[Operation::IsMemoized { key: "k" }]);
            let attempts = stream::iter(0..100_000_u32).map(|index| {
                let (address, open, used) = (&serve.address, &open, &used);
                async move {
                    let mut stream = TcpStream::connect(address).await.ok()?;
                    stream.set_zero_linger().ok()?;
                    stream.write_all(open).await.ok()?;
                    let mut raw = Raw(stream);
                    // The byte after the header says whether the client is admitted.
                    let is_in = raw.receive_frame().await.get(3) == Some(&0);
                    // After one call, the session is kept for its lease, in case the client reconnects.
                    if is_in && index % 4 == 0 {
                        raw.send(used).await;
                        raw.receive_frame().await;
                    }
                    Some(is_in)
                }
            });
            let (mut opened, mut refused) = (0, 0);
            let mut answers = attempts.buffer_unordered(64);
            while let Some(answer) = answers.next().await {
                opened += u32::from(answer == Some(true));
                refused += u32::from(answer == Some(false));
            }
            (opened, refused)
        })
        .await;
    println!("{opened} opened, {refused} refused");
    assert!(opened >= 2_000 && refused > 0, "{opened} opened, {refused} refused");
    // Once the sessions have expired there is room again.
    let begun = Instant::now();
    while let Err(error) = Session::connect(&serve.address).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_handshake_does_not_resume_a_session() {
    let serve = Serve::start(&["--limit", "lease=10s"]).await;
    let network = Network::to(serve.address.parse().expect("an address"), |_| Faults::NONE).await;
    let session = Session::connect(network.address.to_string()).await.expect("a session opens");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    list.append(1).await.expect("appended");
    session.close().await;
    serve
        .under(16 * MIB, async {
            // Replays the first message of a client that has left its session, also with guesses of the secret.
            for guess in 0..200_u8 {
                let mut hello = b"tarmem".to_vec();
                hello.extend_from_slice(&PROTOCOL.to_be_bytes());
                let id = session.id();
                // (It knows nothing of what the service keeps.)
                let resume = Some((id.as_bytes().as_slice(), &[guess; 16][..], 1_u64, None::<()>));
                hello.extend(postcard::to_stdvec(&(false, resume, true, None::<&str>)).expect("encodes"));
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&request(1, 0, &hello)).await;
                let answer = raw.receive_frame().await;
                // The byte after the header: admitted, but with another session.
                assert_eq!(answer[3], 0);
                assert_ne!(&answer[5..21], session.id().as_bytes(), "the session was resumed");
            }
        })
        .await;
    let there: Vec<i64> = Session::connect(&serve.address)
        .await
        .expect("a session opens")
        .get::<List>("list")
        .await
        .expect("there")
        .snapshot_as()
        .await
        .expect("shown");
    assert_eq!(there, [1]);
}

/// The id and the secret of a session, a batch of replies, and what is known: a directory, and a batch of a run there.
type Resume<'a> = (&'a [u8], &'a [u8], u64, Option<(&'a [u8], Option<(&'a [u8], u64)>)>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_that_were_made_up_are_refused_and_harm_nobody() {
    let folder = std::env::temp_dir().join(format!("tarmem-hostile-history-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let directories = [None, Some(folder.to_str().expect("text"))];
    for directory in directories {
        let data = directory.map_or(vec![], |directory| vec!["--data", directory]);
        let serve = Serve::start(&data).await;
        let session = Session::connect(&serve.address).await.expect("a session opens");
        let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
        list.append(1).await.expect("appended");
        // What the service tells everybody who connects.
        let mut raw = Raw::at(&serve.address).await;
        raw.send(&request(1, 0, &hello_with(None))).await;
        let welcome = raw.receive_frame().await;
        type Ids<'a> = (&'a [u8], &'a [u8], &'a [u8], Option<&'a [u8]>);
        let (_, _, run, kept): Ids = postcard::from_bytes(&welcome[4..]).expect("ids");
        assert_eq!(kept.is_some(), directory.is_some());
        let (id, guess) = (session.id(), [7; 16]);
        let (id, guess) = (id.as_bytes().as_slice(), guess.as_slice());
        let known = |directory, seen| (id, guess, u64::MAX, Some((directory, seen)));
        let mut hellos: Vec<(Resume, u8)> = vec![
            (known(guess, None), 3),
            (known(guess, Some((run, 1))), 3),
            (known(&[], None), 2),
            (known(id, Some((&[1, 2, 3], 1))), 2),
        ];
        if let Some(kept) = kept {
            hellos.extend([
                // A run that there never was.
                (known(kept, Some((guess, 0))), 4),
                (known(kept, Some((guess, u64::MAX))), 4),
                // The secret is wrong, so this is a new session, whatever was seen in this run.
                (known(kept, Some((run, u64::MAX))), 0),
            ]);
        }
        for (resume, answered) in hellos {
            let mut hello = b"tarmem".to_vec();
            hello.extend_from_slice(&PROTOCOL.to_be_bytes());
            hello.extend(postcard::to_stdvec(&(false, Some(resume), true, None::<&str>)).expect("encodes"));
            let mut raw = Raw::at(&serve.address).await;
            raw.send(&request(1, 0, &hello)).await;
            // The byte after the header: 0 admitted, 2 refused, 3 another directory, 4 lost.
            assert_eq!(raw.receive_frame().await[3], answered, "{directory:?}: {resume:?}");
        }
        list.append(2).await.expect("its session goes on");
        assert_eq!(list.snapshot_as::<Vec<i64>>().await.expect("shown"), [1, 2]);
    }
    std::fs::remove_dir_all(&folder).expect("it was there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_and_empty_tokens() {
    let folder = std::env::temp_dir().join(format!("tarmem-hostile-{}", std::process::id()));
    std::fs::write(&folder, "[tokens.good]\ntoken = \"the-good-one\"\n").expect("written");
    let mut serve = Serve::start(&["--tokens", folder.to_str().expect("text")]).await;
    std::fs::remove_file(&folder).expect("removed");
    let bare = std::mem::take(&mut serve.address);
    serve.address = format!("tarmem://the-good-one@{bare}");
    serve
        .under(32 * MIB, async {
            let guesses = (0..400).map(|guess| {
                let bare = &bare;
                async move {
                    let token = if guess % 4 == 0 { String::new() } else { format!("guess {guess}") };
                    let mut raw = Raw::at(bare).await;
                    raw.send(&request(1, 0, &hello_with(Some(&token)))).await;
                    let answer = raw.receive_frame().await;
                    assert_eq!(answer[3], 2, "it is refused");
                    assert!(is_closed(raw.0).await);
                }
            });
            tokio::time::timeout(Duration::from_secs(60), join_all(guesses)).await.expect("all are answered");
        })
        .await;
    let error = Session::connect(&bare).await.expect_err("it has no token");
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
