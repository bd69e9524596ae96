//! Bare TCP: sends back what it receives.

use super::peer::Load;
use futures::future::join_all;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// About the size of a call.
const MESSAGE: usize = 40;

pub(crate) async fn serve(ready: impl FnOnce(u16)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    ready(listener.local_addr().expect("it is bound").port());
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("it is TCP");
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
        });
    }
}

pub(crate) async fn measure(port: u16, load: Load, rounds: u64) -> Duration {
    let (Load::Tasks { connections, each } | Load::Pipeline { connections, depth: each }) = load;
    let connect = async |_| {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("it is TCP");
        stream
    };
    let streams = join_all((0..connections).map(connect)).await;
    let streams = drive(streams, each, 1).await;
    let start = Instant::now();
    drive(streams, each, rounds).await;
    start.elapsed()
}

async fn drive(streams: Vec<TcpStream>, batch: usize, rounds: u64) -> Vec<TcpStream> {
    let echo = |mut stream: TcpStream| {
        tokio::spawn(async move {
            let mut messages = vec![7; batch * MESSAGE];
            for _ in 0..rounds {
                stream.write_all(&messages).await.expect("it is open");
                stream.read_exact(&mut messages).await.expect("it answers");
            }
            stream
        })
    };
    let tasks: Vec<_> = streams.into_iter().map(echo).collect();
    join_all(tasks).await.into_iter().map(|stream| stream.expect("no echo fails")).collect()
}
