//! A path to a service that can be cut, closed, and led to another service.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Accepts connections at one address, and forwards them to the current service.
pub struct Detour {
    pub address: SocketAddr,
    to: watch::Sender<Option<SocketAddr>>,
    accepting: JoinHandle<()>,
}

impl Detour {
    pub async fn to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let to = watch::Sender::new(Some(service));
        let ways = to.subscribe();
        let accepting = tokio::spawn(async move {
            // Dropping this ends all of them.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, ways.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Detour { address, to, accepting }
    }

    /// Resets every connection. New ones are forwarded to the service.
    pub fn cut(&self) {
        self.to.send_modify(|_| {});
    }

    /// Resets every connection, including new ones.
    pub fn close(&self) {
        self.to.send_replace(None);
    }

    /// Resets every connection. New ones are forwarded to `service`.
    pub fn lead_to(&self, service: SocketAddr) {
        self.to.send_replace(Some(service));
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, mut ways: watch::Receiver<Option<SocketAddr>>) {
    // When it is closed, both ends see a reset.
    client.set_zero_linger().expect("it is TCP");
    let Some(service) = *ways.borrow_and_update() else { return };
    let Ok(mut service) = TcpStream::connect(service).await else { return };
    for stream in [&client, &service] {
        stream.set_nodelay(true).expect("it is TCP");
    }
    service.set_zero_linger().expect("it is TCP");
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut service) => {}
        _ = ways.changed() => {}
    }
}
