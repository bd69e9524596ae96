//! Errors and timeouts: the code of docs/guide/03-errors-and-timeouts.md.
//!
//! ```text
//! cargo run --release --example guide_errors
//! ```

use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::Duration;
use tarmem::{CallError, Error as TarmemError, Service, remote};

/// A warehouse with one kind of goods.
#[remote(module = "guide_errors")]
#[derive(Serialize, Deserialize)]
struct Stock {
    pieces: u32,
}

/// Why a warehouse delivers nothing.
#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum OutOfStock {
    #[error("only {left} left")]
    Only { left: u32 },
}

#[remote]
impl Stock {
    /// Removes pieces from the stock.
    pub fn take(&mut self, pieces: u32) -> Result<u32, OutOfStock> {
        self.pieces = self.pieces.checked_sub(pieces).ok_or(OutOfStock::Only { left: self.pieces })?;
        Ok(self.pieces)
    }

    /// Waits for a delivery that never comes.
    pub async fn delivery(&self) {
        std::future::pending().await
    }

    /// Panics half-way through a change.
    pub fn recount(&mut self) {
        self.pieces = 0;
        panic!("the ladder fell");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let session = tarmem::Session::connect(service.address()).await?;
    let stock = session.memoize("nails", Stock { pieces: 10 }).await?;

    match stock.take(12).await {
        Ok(left) => println!("{left} left"),
        Err(CallError::Method(OutOfStock::Only { left })) => println!("refused: only {left} left"),
        Err(CallError::Failed(error)) => return Err(error.into()),
    }

    let late = stock.delivery().timeout(Duration::from_millis(50)).await.expect_err("there is no delivery");
    println!("{late}");
    assert!(late.is_timeout());

    let panicked = stock.recount().await.expect_err("it panics");
    println!("{panicked}");
    let poisoned = stock.take(1).await.expect_err("nobody knows what is left");
    println!("{poisoned}");
    assert!(matches!(poisoned, CallError::Failed(TarmemError::Poisoned { .. })));

    // A caller that knows what is there restores it.
    session.update("nails", Stock { pieces: 9 }).await?;
    println!("{} left", stock.take(1).await?);

    session.close().await;
    service.shutdown().await;
    Ok(())
}
