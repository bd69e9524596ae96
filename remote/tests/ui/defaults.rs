//! Which parameters can have no default, and how a default is written.

#![allow(unused_variables)]

use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::{Context, Value, remote};

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
pub struct Account {
    cents: i64,
}

#[remote]
impl Account {
    pub fn forms(
        &self,
        #[remote] bare: u8,
        #[remote()] empty: u8,
        #[remote(defualt = 5)] misspelt: u8,
        #[remote(default, default = 5)] twice: u8,
        #[remote(default(5))] list: u8,
    ) {
    }

    pub fn filled_in(&self, #[remote(default)] ctx: &Context, #[remote(default)] arg: Arg<Value>) {}

    pub fn wrong_type(&self, #[remote(default = "sixty")] ttl: u64, #[remote(default = 1)] name: String) {}

    #[remote(skip)]
    pub fn skipped(&self, #[remote(default)] cents: i64) {}

    fn private(&self, #[remote(default)] cents: i64) {}
}

#[remote(module = "shop")]
pub fn object(#[remote(default)] account: &Account) -> i64 {
    account.cents
}

#[remote(module = "shop")]
pub trait Payer {
    fn pay(&self, #[remote(default = 1)] cents: i64);
}

#[remote]
impl Payer for Account {
    fn pay(&self, #[remote(default = 2)] cents: i64) {}
}

fn main() {}
