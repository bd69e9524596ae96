//! Nesting and iteration: the code of docs/guide/06-nesting-and-iteration.md.
//!
//! ```text
//! cargo run --release --example guide_nesting
//! ```

use futures::TryStreamExt;
use std::collections::HashMap;
use std::error::Error;
use tarmem::modules::builtins::{DictProxy, ListProxy};
use tarmem::{Proxy, Service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let session = tarmem::Session::connect(service.address()).await?;

    // A value is copied into the collection; a proxy by id puts the live object there.
    let rooms = session.memoize("rooms", DictProxy::default()).await?;
    let lobby = session.create(ListProxy::new(vec!["alice"])).await?;
    rooms.set("lobby", &lobby).await?;

    // Whoever reads the reference gets a proxy of the same object.
    let found: Option<ListProxy> = rooms.get("lobby").await?;
    found.ok_or("no lobby")?.append("bob").await?;
    println!("{:?}", lobby.snapshot_as::<Vec<String>>().await?);
    println!("{:?}", rooms.snapshot_as::<HashMap<String, Vec<String>>>().await?);

    // It lives for as long as a key, a session or another object refers to it.
    drop(lobby);
    let lobby: Option<ListProxy> = rooms.get("lobby").await?;
    println!("still there: {}", lobby.is_some());

    // A large collection comes in chunks, the next of which is on its way while you use this one.
    let numbers = session.memoize("numbers", ListProxy::new((0..100_000).collect::<Vec<i64>>())).await?;
    let (mut items, mut sum) = (numbers.iter::<i64>(), 0);
    while let Some(number) = items.try_next().await? {
        sum += number;
    }
    println!("{sum}");

    session.close().await;
    service.shutdown().await;
    Ok(())
}
