//! One interface, two classes, and a `dyn` proxy that follows `update` from one class to the other.
//!
//! ```text
//! cargo run --release --example interface
//! ```
//!
//! A shop's till uses whatever pricing is in force. The owner replaces it with one of another class while the till
//! runs; the till neither knows the classes nor notices.

use serde::{Deserialize, Serialize};
use std::error::Error;
use tarmem::{Proxy, Service, Session, args, remote};

/// The price of something: the interface. Its methods can be called on any class that implements it.
#[remote(module = "shop")]
trait Pricing {
    /// The price of this many pieces, in cents.
    fn total(&self, pieces: u64) -> u64;

    /// Makes each piece dearer by this many cents.
    fn raise(&mut self, cents: u64);

    /// How to describe it to a customer; classes may leave this out.
    fn slogan(&self) -> String {
        "Good things at a fair price.".to_owned()
    }
}

/// Every piece costs the same.
#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
struct Flat {
    cents: u64,
}

#[remote]
impl Pricing for Flat {
    fn total(&self, pieces: u64) -> u64 {
        self.cents * pieces
    }

    fn raise(&mut self, cents: u64) {
        self.cents += cents;
    }
}

/// One piece in so many is free.
#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
struct Bulk {
    cents: u64,
    free_one_in: u64,
}

#[remote]
impl Pricing for Bulk {
    fn total(&self, pieces: u64) -> u64 {
        self.cents * (pieces - pieces / self.free_one_in.max(1))
    }

    fn raise(&mut self, cents: u64) {
        self.cents += cents;
    }

    fn slogan(&self) -> String {
        format!("One in {} is free!", self.free_one_in)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let address = service.local_addr().ok_or("the service has no address")?.to_string();

    // The owner is in the service's own process; the calls are the same as over the network. A value that is passed to
    // the service moves there.
    let owner = service.session();
    owner.update("pricing", Flat { cents: 1_000 }).await?;

    // The till asks for the interface: any class that implements it will do.
    let till = Session::connect(address).await?;
    let pricing = till.get::<dyn Pricing>("pricing").await?;
    sell(&pricing).await?;

    println!("owner: raises the price by 200 cents");
    owner.get::<dyn Pricing>("pricing").await?.raise(200).await?;
    sell(&pricing).await?;

    println!("owner: updates the key to another class");
    owner.update("pricing", Bulk { cents: 1_200, free_one_in: 3 }).await?;
    // The same proxy as before: it follows the key.
    sell(&pricing).await?;

    // A class that does not implement the interface is refused, and the error names both.
    println!("owner: updates the key to a list");
    owner.update("pricing", owner.remote_import("builtins").await?.function("list", args![])).await?;
    match sell(&pricing).await {
        Err(error) => println!("till:  {error}"),
        Ok(()) => return Err("a list is no pricing, and yet it sold something".into()),
    }

    till.close().await;
    service.shutdown().await;
    Ok(())
}

/// Sells six books with the pricing in force.
async fn sell(pricing: &PricingProxy) -> Result<(), tarmem::Error> {
    let class = pricing.describe().await?.class;
    let (total, slogan) = (pricing.total(6).await?, pricing.slogan().await?);
    println!("till:  6 books cost {total} cents by {class}. {slogan}");
    Ok(())
}
