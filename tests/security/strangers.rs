//! Sessions cannot use each other's handles and cursors; tokens are reloaded while clients connect.

use super::{ALICE, BOB, service, session};
use crate::support::raw::{Outcome, Raw, hello_with, request, submit};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::operation::{MethodRef, Operation, Target};
use tarmem::{Error, Proxy, Session, Token, Value, args};
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::value::ObjectRef;

#[tokio::test]
async fn a_handle_of_another_session_gives_no_access() {
    let service = service([Token::new("alice", ALICE), Token::new("bob", BOB).prefixes(["bob/"])]).await;
    let alice = session(&service, ALICE).await;
    let secret = alice.create(ListProxy::new(Some(vec![7; 30].into()))).await.expect("made");
    let id = secret.reference().expect("it is unnamed").id();
    // Bob knows the id, perhaps from a log.
    let mut bob = Raw::at(&service.address()).await;
    bob.send(&request(1, 0, &hello_with(Some(BOB)))).await;
    assert_eq!(bob.receive_frame().await[3], 0, "he is admitted");
    let none = postcard::to_stdvec(&[Value::Null; 0][..]).expect("encodes");
    let of =
        |target| Operation::Call { target, method: MethodRef::Name("pop"), encoding: Encoding::Dynamic, args: &none };
    let forged = postcard::to_stdvec(&[Value::Ref(ObjectRef::new(id, "builtins.list"))][..]).expect("encodes");
    let operations = [
        of(Target::Id(id)),
        Operation::Snapshot { target: Target::Id(id) },
        Operation::Release { id, count: 1 },
        Operation::Call {
            target: Target::Key("bob/list"),
            method: MethodRef::Name("append"),
            encoding: Encoding::Dynamic,
            args: &forged,
        },
    ];
    session(&service, BOB).await.memoize("bob/list", ListProxy::new(None)).await.expect("made");
    bob.send(&submit(2, 1, &operations)).await;
    for (number, outcome) in bob.receive_replies(operations.len()).await {
        assert!(matches!(outcome, Outcome::Failed(_)), "{number}: {outcome:?}");
    }
    assert_eq!(secret.snapshot().await.expect("it is hers").as_list().map(<[_]>::len), Some(30));
}

#[tokio::test]
async fn a_cursor_of_another_session_gives_no_access() {
    let service = service([Token::new("alice", ALICE), Token::new("bob", BOB).prefixes(["bob/"])]).await;
    let (alice, bob) = (session(&service, ALICE).await, session(&service, BOB).await);
    let hers = alice.memoize("alices", ListProxy::new(Some(vec![7; 3_000].into()))).await.expect("made");
    let his = bob.memoize("bob/list", ListProxy::new(Some(vec![8; 3_000].into()))).await.expect("made");
    let chunk = hers.dynamic().call("iter_chunk", args![Value::Null, 10]).await.expect("her own");
    let Value::Map(parts) = &chunk else { panic!("{chunk:?}") };
    let cursor = parts.iter().find(|(name, _)| *name == Value::from("next")).expect("there is more").1.clone();
    assert!(!matches!(cursor, Value::Null));
    // A cursor is a position, not a permission.
    let theirs = bob.proxy::<tarmem::modules::builtins::List>("alices");
    let error = theirs.dynamic().call("iter_chunk", args![cursor.clone(), 10]).await.expect_err("it is not his key");
    assert!(error.to_string().contains("bob/"), "{error}");
    // With another list, it gives elements of that list at most.
    match his.dynamic().call("iter_chunk", args![cursor, 10]).await {
        Ok(chunk) => assert!(!chunk.to_string().contains('7'), "{chunk}"),
        Err(error) => assert!(!error.to_string().contains('7'), "{error}"),
    }
}

fn send_sighup(id: u32) {
    let status = Command::new("kill").args(["-HUP", &id.to_string()]).status().expect("it runs");
    assert!(status.success());
}

/// Tokens are added and removed, and sometimes the file is half written, while clients connect and call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_reloaded_under_load() {
    let file = std::env::temp_dir().join(format!("tarmem-reload-{}.toml", std::process::id()));
    let alices = format!("[tokens.alice]\ntoken = \"{ALICE}\"\n");
    std::fs::write(&file, &alices).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tarmem"))
        .args(["serve", "--host", "127.0.0.1", "--port", "0", "--tokens", file.to_str().expect("text")])
        .env("TARMEM_LOG", "off")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it is");
    let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    let connect = |token: &'static str| {
        let session = Session::builder(&address).token(token);
        async move { session.connect().await }
    };
    let stays = connect(ALICE).await.expect("the token is good");
    let list = stays.memoize("list", ListProxy::new(None)).await.expect("made");
    let (over, came) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (session, over, came) = (Session::builder(&address).token(ALICE), Arc::clone(&over), Arc::clone(&came));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let session = session.clone().connect().await.expect("her token is always there");
                    session.keys("", "", 0).await.expect("answered");
                    session.close().await;
                    came.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let both = format!("{alices}[tokens.bob]\ntoken = \"{BOB}\"\n");
    for n in 0..100 {
        // The file is written in place, so the service may read half of it.
        let text = if n % 3 == 2 {
            &both[..both.len() - 9]
        } else if n % 3 == 0 {
            &both
        } else {
            &alices
        };
        std::fs::write(&file, text).expect("written");
        send_sighup(child.id());
        list.append(n).await.expect("her session stays");
    }
    // The last tokens read are the valid ones, and Bob's sessions end when his token is removed.
    std::fs::write(&file, &both).expect("written");
    send_sighup(child.id());
    let begun = Instant::now();
    let bob = loop {
        match connect(BOB).await {
            Ok(bob) => break bob,
            Err(Error::Refused { .. }) => assert!(begun.elapsed() < Duration::from_secs(20), "it was never read"),
            Err(error) => panic!("{error}"),
        }
    };
    std::fs::write(&file, &alices).expect("written");
    send_sighup(child.id());
    tokio::time::timeout(Duration::from_secs(20), bob.wait_for(tarmem::SessionState::Closed)).await.expect("it ends");
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("it was always admitted");
    }
    println!("{} sessions came and went", came.load(Ordering::Relaxed));
    assert_eq!(list.snapshot().await.expect("shown").as_list().map(<[_]>::len), Some(100));
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    std::fs::remove_file(&file).expect("removed");
}
