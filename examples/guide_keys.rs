//! Keys and generators: the code of docs/guide/02-keys-and-generators.md.
//!
//! ```text
//! cargo run --release --example guide_keys
//! ```

use serde::{Deserialize, Serialize};
use std::error::Error;
use tarmem::{Error as TarmemError, Proxy, Service, remote};

/// How often each word occurs in a text.
#[remote(module = "guide_keys")]
#[derive(Serialize, Deserialize)]
struct Words {
    words: Vec<String>,
}

#[remote]
impl Words {
    /// Returns how often `word` occurs.
    pub fn count(&self, word: String) -> usize {
        self.words.iter().filter(|found| **found == word).count()
    }
}

/// Splits a text into words. The service runs this, and only if nobody has done so under the same key.
#[remote(module = "guide_keys")]
fn split(text: String) -> Result<Words, String> {
    println!("service: splitting {text:?}");
    if text.is_empty() {
        return Err("there is no text".to_owned());
    }
    Ok(Words { words: text.split_whitespace().map(str::to_owned).collect() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::without_listener().start().await?;
    let session = service.session();

    // The key is missing, so the service runs the generator, once, although two callers ask at the same time.
    let (first, second) = tokio::join!(
        session.memoize("words/rose", split::remote("a rose is a rose".into())),
        session.memoize("words/rose", split::remote("a rose is a rose".into())),
    );
    println!("rose: {}, {}", first?.count("rose".into()).await?, second?.count("rose".into()).await?);

    // A generator that fails stores nothing: the next caller tries again.
    let failed = session.memoize("words/none", split::remote(String::new())).await;
    println!("{}", failed.expect_err("there is no text"));
    println!("is words/none there? {}", session.is_memoized("words/none").await?);

    // `get` never makes anything.
    let missing = session.get::<Words>("words/none").await;
    assert!(matches!(missing, Err(TarmemError::NoSuchKey { .. })));

    // A proxy by key follows its key; one by id stays with its object.
    let by_key = session.get::<Words>("words/rose").await?;
    let by_id = by_key.hold().await?;
    session.update("words/rose", Words { words: vec!["rose".into(); 5] }).await?;
    println!("by key: {}, by id: {}", by_key.count("rose".into()).await?, by_id.count("rose".into()).await?);

    // Only if nobody else has changed it in between.
    let (_, info) = session.get::<Words>("words/rose").with_info().await?;
    session.update_if("words/rose", info.generation, Words { words: Vec::new() }).await?;
    let late = session.update_if("words/rose", info.generation, Words { words: Vec::new() }).await;
    println!("{}", late.expect_err("the generation has changed"));

    println!("{:?}", session.keys("words/", "", 0).await?.keys);
    session.delete("words/rose").await?;
    service.shutdown().await;
    Ok(())
}
