//! Arguments and results need serde's derives. Each type that lacks one is reported once, where it stands, whatever
//! else is done with the method.

use serde::{Deserialize, Serialize};
use std::fmt;
use tarmem_remote::remote;

/// Has neither derive.
pub struct Order {
    id: u64,
}

/// Only `Serialize`.
#[derive(Serialize)]
pub struct Sent;

/// Only `Deserialize`.
#[derive(Deserialize)]
pub struct Received;

/// Everything that an error needs except one trait.
#[derive(Serialize)]
pub struct Refusal;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
pub struct Shop {
    last: u64,
}

#[remote]
impl Shop {
    pub fn open(first: Order) -> Self {
        Shop { last: first.id }
    }

    pub fn place(&mut self, number: u64, order: Order) {
        self.last = order.id + number;
    }

    pub fn place_all(&mut self, orders: Vec<Order>) {
        self.last = orders.len() as u64;
    }

    pub fn place_sent(&mut self, _sent: Sent) {}

    pub fn place_received(&mut self, _received: Received) {}

    pub fn place_by_default(&mut self, #[remote(default)] _order: Option<Order>) {}

    pub async fn place_later(&mut self, order: Order) {
        self.last = order.id;
    }

    pub fn last(&self) -> Order {
        Order { id: self.last }
    }

    pub fn lent(&self) -> &[Order] {
        &[]
    }

    pub fn find(&self) -> Result<Order, String> {
        Ok(self.last())
    }

    pub fn refuse(&mut self) -> Result<(), Refusal> {
        Err(Refusal)
    }

    pub async fn last_later(&self) -> Order {
        self.last()
    }

    pub async fn refuse_later(&mut self) -> Result<(), Refusal> {
        Err(Refusal)
    }
}

#[remote(module = "shop")]
pub trait Counter {
    fn count(&self, order: Order) -> Received;
}

#[remote(module = "shop")]
pub fn total(order: Order) -> Received {
    let _ = order.id;
    Received
}

#[remote(module = "shop")]
pub fn refuse_all(_shop: &mut Shop) -> Result<Sent, Received> {
    Err(Received)
}

/// Only a service makes it, and nobody decodes it.
#[remote(module = "shop")]
pub fn refuse_here() -> Result<Sent, Refusal> {
    Err(Refusal)
}

fn main() {
    fn used(shop: &ShopProxy, order: Order) {
        let _ = shop.place(1, order);
    }
    let _ = used;
}
