//! Raw TCP: a small request names how many bytes the answer has.

use super::support::peer::Load;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// About the size of a call. It begins with the size of the answer.
const REQUEST: usize = 40;

pub(crate) async fn serve(ready: impl FnOnce(u16)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    ready(listener.local_addr().expect("it is bound").port());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("it is TCP");
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) {
    let (mut request, mut value) = ([0; REQUEST], Vec::new());
    while stream.read_exact(&mut request).await.is_ok() {
        let [a, b, c, d, ..] = request;
        value.resize(u32::from_be_bytes([a, b, c, d]) as usize, 7);
        if stream.write_all(&value).await.is_err() {
            break;
        }
    }
}

/// How long each caller of a load, which has its own connection, takes to get `rounds` answers of `bytes` bytes.
pub(crate) async fn measure(port: u16, load: Load, bytes: usize, rounds: u64) -> Duration {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.set_nodelay(true).expect("it is TCP");
    let mut request = [0; REQUEST];
    request[..4].copy_from_slice(&u32::try_from(bytes).expect("a small size").to_be_bytes());
    let mut value = vec![0; bytes];
    let answers = rounds * load.calls();
    let mut start = Instant::now();
    // The first round is not counted.
    for answers in [load.calls(), answers] {
        start = Instant::now();
        let mut asked = 0;
        for answered in 0..answers {
            while asked < answers && asked < answered + load.calls() {
                stream.write_all(&request).await.expect("it is open");
                asked += 1;
            }
            stream.read_exact(&mut value).await.expect("it answers");
        }
    }
    start.elapsed()
}
