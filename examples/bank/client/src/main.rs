//! A client of the bank: deposits into the account that all clients share.

use bank::{AccountProxy, Refusal};
use std::error::Error;
use tarmem::{CallError, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "localhost:18813".to_owned());
    let session = Session::connect(address).await?;

    let alice = session.memoize("alice", AccountProxy::open(100)).await?;
    println!("after a deposit of 20 cents: {}", alice.deposit(20).await?);
    match alice.withdraw(1_000).await {
        Err(CallError::Method(Refusal::Overdrawn { missing })) => println!("refused: {missing} cents are missing"),
        other => println!("after a withdrawal of 1000 cents: {}", other?),
    }
    session.close().await;
    Ok(())
}
