//! Testing without a socket: the code of docs/guide/08-testing-without-a-socket.md.
//!
//! ```text
//! cargo run --release --example guide_testing
//! ```

use serde::{Deserialize, Serialize};
use std::error::Error;
use tarmem::{CallError, ClientApi, Service, Session, memory, remote};

/// Hands out seats.
#[remote(module = "guide_testing")]
#[derive(Serialize, Deserialize)]
struct Seats {
    free: u32,
}

#[remote]
impl Seats {
    /// A hall with this many seats.
    pub fn new(free: u32) -> Self {
        Seats { free }
    }

    /// Reserves a seat.
    pub fn reserve(&mut self) -> Result<u32, String> {
        self.free = self.free.checked_sub(1).ok_or("sold out")?;
        Ok(self.free)
    }
}

/// What is to be tested. It takes `ClientApi`, so it runs over any session, and within a generator too.
async fn reserve_two(service: &ClientApi) -> Result<u32, Box<dyn Error>> {
    let hall = service.memoize("hall", SeatsProxy::new(3)).await?;
    hall.reserve().await?;
    Ok(hall.reserve().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Without the service: an object is a Rust value, and its methods are functions.
    let mut seats = Seats::new(1);
    assert_eq!((seats.reserve(), seats.reserve()), (Ok(0), Err("sold out".into())));

    // In process: the service's rules, and no socket.
    let service = Service::without_listener().start().await?;
    println!("{} seat left", reserve_two(&service.session()).await?);
    let hall = service.session().get::<Seats>("hall").await?;
    hall.reserve().await?;
    assert_eq!(hall.reserve().await, Err(CallError::Method("sold out".into())));
    service.shutdown().await;

    // In memory: the protocol too, and what a client sees when its connection breaks.
    let (listener, connector) = memory();
    let service = Service::without_listener().listener(listener).start().await?;
    let session = Session::over(connector.connect().await?).await?;
    println!("{} seat left", reserve_two(&session).await?);
    session.close().await;
    service.shutdown().await;
    Ok(())
}
