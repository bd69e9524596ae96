//! Going to production: the code of docs/guide/10-going-to-production.md.
//!
//! ```text
//! cargo run --release --example guide_production
//! ```

use std::error::Error;
use std::time::Duration;
use tarmem::modules::builtins::ListProxy;
use tarmem::{Limits, Service, Session, SessionState, Token, Tokens};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Who may connect, and how much they may use.
    let tokens = Tokens::default()
        .with(Token::new("app", "a long random text"))?
        .with(Token::new("reports", "another long random text").read_only())?;
    let mut limits = Limits::default();
    limits.keys = 1_000_000;
    limits.set("frame_bytes", "4MiB")?;
    let service = Service::new("127.0.0.1", 0).tokens(tokens).limits(limits).start().await?;

    let session = Session::builder(service.address())
        .token("a long random text")
        .max_retry(10)
        .call_timeout(Some(Duration::from_secs(5)))
        .on_reconnect(|how| println!("connected again; the same session: {}", how.resumed))
        .connect()
        .await?;
    session.memoize("list", ListProxy::new(vec![1, 2, 3])).await?;

    // A token that may only read.
    let reports = Session::builder(service.address()).token("another long random text").connect().await?;
    println!("{}", reports.delete("list").await.expect_err("it may only read"));

    // Without a token.
    println!("{}", Session::connect(service.address()).await.expect_err("it has no token"));

    // Numbers to show to those who watch the service.
    println!("{} keys, {} objects", service.key_count(), service.object_count());
    assert_eq!(session.state(), SessionState::Connected);

    reports.close().await;
    session.close().await;
    service.shutdown().await;
    Ok(())
}
