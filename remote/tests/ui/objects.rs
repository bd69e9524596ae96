//! Functions whose object parameters are refused: not a class, cannot be restored, in a method, with a lifetime.

use serde::{Deserialize, Serialize};
use tarmem_remote::{Context, remote};

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
pub struct Basket {
    items: Vec<String>,
}

#[remote(module = "shop", resident)]
pub struct Till {
    cents: i64,
}

#[remote(module = "shop")]
pub trait Priced {
    fn price(&self) -> i64;
}

pub struct Receipt;

pub trait Printed {}

#[remote]
impl Basket {
    pub fn swap(&mut self, other: &mut Basket) {
        std::mem::swap(&mut self.items, &mut other.items);
    }

    pub fn beside(&self, other: &dyn Priced) -> i64 {
        other.price()
    }
}

#[remote(module = "shop")]
fn checkout(basket: &mut Basket, till: &mut Till) {
    till.cents += basket.items.len() as i64;
}

#[remote(module = "shop")]
fn print(receipt: &Receipt, printed: &mut dyn Printed) {
    let _ = (receipt, printed);
}

#[remote(module = "shop")]
fn lasting(basket: &'static Basket, both: &(dyn Priced + Send)) -> i64 {
    both.price() + basket.items.len() as i64
}

#[remote(module = "shop")]
fn lent(basket: &Basket) -> &[String] {
    &basket.items
}

#[remote(module = "shop")]
async fn waiting(ctx: &Context, priced: &dyn Priced) -> i64 {
    let _ = ctx.service().version().await;
    priced.price()
}

#[remote(module = "shop", all_or_nothing)]
fn look(basket: &Basket) -> usize {
    basket.items.len()
}

#[remote(module = "shop", all_or_nothing)]
async fn given_up(basket: &mut Basket) {
    basket.items.clear();
}

fn main() {}
