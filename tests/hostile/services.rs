//! A service that admits a client and then sends something invalid: the client's errors say what was wrong.

use crate::support::raw::{PROTOCOL, Raw, frame, open};
use crate::support::{Fixture, Way};
use std::time::Duration;
use tarmem::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Admits every client with the recorded answer of a real service, and answers its first request with `nonsense`.
async fn liar(nonsense: Vec<u8>) -> String {
    let fixture = Fixture::new(Way::Tcp).await;
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&open(PROTOCOL)).await;
    let welcome = frame(&raw.receive_frame().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (welcome, nonsense) = (welcome.clone(), nonsense.clone());
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&welcome).await;
                // The request is a poll or a call.
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&nonsense).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_was_invalid_in_an_answer_of_the_service() {
    let lying_reply = frame(&postcard::to_stdvec(&(0_u8, 4711_u64, 1_u8)).expect("encodes"));
    let broken_batch = frame(&[0, 2, 2, 1]);
    for (nonsense, part) in [
        (vec![0xff; 64], "4294967295 bytes is over the limit"),
        (lying_reply, "answered a request that was not made"),
        (broken_batch, ""),
        (frame(&[9; 40]), ""),
    ] {
        let session = Session::connect(liar(nonsense).await).await.expect("it is let in");
        let call = tokio::time::timeout(Duration::from_secs(20), session.version()).await.expect("it is told");
        let error = call.expect_err("there is no answer").to_string();
        assert!(error.contains("the service sent something invalid"), "{error}");
        assert!(error.contains(part) && !error.contains("nothing was heard"), "{part}: {error}");
        let ended = session.ended().expect("it has ended").to_string();
        assert!(ended.contains("the service sent something invalid") && ended.contains(part), "{part}: {ended}");
    }
}
