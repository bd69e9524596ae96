//! A network that breaks on command, between a client and its service, over real sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A fault in one direction of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// After this many bytes the connection is reset.
    Reset(u64),
    /// After this many bytes nothing more arrives, and nobody is told.
    Silence(u64),
    /// This many frames arrive, and the last of them twice.
    Twice(u64),
    /// Each piece takes this long.
    Delay(Duration),
}

/// The faults of one connection: on the way to the service, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    pub up: Fault,
    pub down: Fault,
}

impl Faults {
    pub const NONE: Faults = Faults { up: Fault::None, down: Fault::None };

    pub fn up(fault: Fault) -> Self {
        Faults { up: fault, ..Faults::NONE }
    }

    pub fn down(fault: Fault) -> Self {
        Faults { down: fault, ..Faults::NONE }
    }
}

/// Accepts connections, and forwards them to a service until a fault occurs.
pub struct Network {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

impl Network {
    /// `plan` returns the faults of each connection, counted from 0.
    pub async fn to(service: SocketAddr, plan: impl Fn(u64) -> Faults + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            // Dropping this ends all of them.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let faults = plan(counted.connections.fetch_add(1, Ordering::SeqCst));
                connections.spawn(pass(client, service, faults, Arc::clone(&counted)));
                while connections.try_join_next().is_some() {}
            }
        });
        Network { address, counts, accepting }
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// The number of bytes that have arrived at the service, and at clients, so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.counts.up.load(Ordering::SeqCst), self.counts.down.load(Ordering::SeqCst))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, service: SocketAddr, faults: Faults, counts: Arc<Counts>) {
    let Ok(service) = TcpStream::connect(service).await else { return };
    for stream in [&client, &service] {
        stream.set_nodelay(true).expect("it is TCP");
        // When it is closed, both ends see a reset.
        stream.set_zero_linger().expect("it is TCP");
    }
    let (from_client, to_client) = client.into_split();
    let (from_service, to_service) = service.into_split();
    // The connection ends when either direction does.
    tokio::select! {
        _ = forward(from_client, to_service, faults.up, &counts.up) => {}
        _ = forward(from_service, to_client, faults.down, &counts.down) => {}
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault, count: &AtomicU64) -> io::Result<()> {
    if let Fault::Twice(frames) = fault {
        for frame in 1_u64.. {
            let length = from.read_u32().await?;
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.resize(bytes.len() + length as usize, 0);
            from.read_exact(&mut bytes[4..]).await?;
            to.write_all(&bytes).await?;
            if frame == frames {
                to.write_all(&bytes).await?;
            }
        }
    }
    let mut passed = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let mut read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(time).await;
        }
        let last = match fault {
            Fault::Reset(after) | Fault::Silence(after) => passed + read as u64 >= after,
            _ => false,
        };
        if let (true, Fault::Reset(after) | Fault::Silence(after)) = (last, fault) {
            read = usize::try_from(after - passed).expect("no more than was read");
        }
        to.write_all(&buffer[..read]).await?;
        passed += read as u64;
        count.fetch_add(read as u64, Ordering::SeqCst);
        match fault {
            Fault::Reset(_) if last => return Ok(()),
            Fault::Silence(_) if last => std::future::pending::<()>().await,
            _ => {}
        }
    }
}
