//! Changing your types: the code of docs/guide/09-changing-your-types.md.
//!
//! ```text
//! cargo run --release --example guide_changes
//! ```

use serde::{Deserialize, Serialize};
use std::error::Error;
use tarmem::{Error as TarmemError, Proxy, Service, args, remote};

/// An account, in its second version: `owner` is new.
#[remote(module = "guide_changes")]
#[derive(Serialize, Deserialize)]
struct Account {
    cents: i64,
    #[serde(default)]
    owner: Option<String>,
}

#[remote]
impl Account {
    /// Deposits an amount and returns the new balance. `note` is new.
    pub fn deposit(&mut self, cents: i64, note: Option<String>) -> i64 {
        if let Some(note) = note {
            println!("service: {note}");
        }
        self.cents += cents;
        self.cents
    }

    /// Returns the owner's name.
    pub fn owner(&self) -> Option<String> {
        self.owner.clone()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let session = tarmem::Session::connect(service.address()).await?;

    // The output of `tarmem get alice` at the old service.
    let saved = r#"{"cents": 100}"#;
    let alice = session.update("alice", serde_json::from_str::<Account>(saved)?).await?;
    println!("owner: {:?}", alice.owner().await?);

    // A client of the first version does not know `note`.
    let first_version = alice.dynamic();
    println!("{}", first_version.call("deposit", args![20]).await?);
    // A client of the second version does.
    println!("{}", alice.deposit(5, Some("a present".into())).await?);

    // A value that cannot be converted is refused; no value is ever taken for another.
    let refused = first_version.call("deposit", args!["20"]).await.expect_err("a text is no amount");
    assert!(matches!(refused, TarmemError::BadArguments { .. }) && refused.is_not_applied());

    session.close().await;
    service.shutdown().await;
    Ok(())
}
