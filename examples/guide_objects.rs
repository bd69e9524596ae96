//! Many objects at once: the code of docs/guide/05-many-objects-at-once.md.
//!
//! ```text
//! cargo run --release --example guide_objects
//! ```

use serde::{Deserialize, Serialize};
use std::error::Error;
use tarmem::{CallError, Service, remote};

/// An account.
#[remote(module = "guide_objects")]
#[derive(Clone, Serialize, Deserialize)]
struct Account {
    cents: i64,
}

#[remote]
impl Account {
    /// Returns the balance.
    pub fn balance(&self) -> i64 {
        self.cents
    }
}

/// Moves money. Both accounts are held while this runs, and both are as they were if it fails.
#[remote(module = "guide_objects")]
fn transfer(from: &mut Account, to: &mut Account, cents: i64) -> Result<(), String> {
    to.cents += cents;
    from.cents -= cents;
    if from.cents < 0 { Err(format!("{} cents are missing", -from.cents)) } else { Ok(()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let session = tarmem::Session::connect(service.address()).await?;
    let alice = session.memoize("alice", Account { cents: 100 }).await?;
    let bob = session.memoize("bob", Account { cents: 0 }).await?;

    transfer::remote(&alice, &bob, 30).call(&session).await?;
    println!("alice has {}, bob has {}", alice.balance().await?, bob.balance().await?);

    let refused = transfer::remote(&alice, &bob, 1_000).call(&session).await;
    assert!(matches!(&refused, Err(CallError::Method(reason)) if reason == "930 cents are missing"));
    println!("alice has {}, bob has {}", alice.balance().await?, bob.balance().await?);

    // In opposite directions at the same time: neither waits for the other for ever.
    let (there, back) = (transfer::remote(&alice, &bob, 10), transfer::remote(&bob, &alice, 5));
    tokio::try_join!(there.call(&session), back.call(&session))?;

    // Two independent calls in one request.
    let balances = session.pipeline([alice.balance(), bob.balance()]).await;
    println!("{balances:?}");

    session.close().await;
    service.shutdown().await;
    Ok(())
}
