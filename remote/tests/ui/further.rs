//! Where parameters that take all further arguments may stand, and which types they can have.

#![allow(unused_variables)]

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::{Context, Value, remote};

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
pub struct Account {
    cents: i64,
}

#[remote]
impl Account {
    pub fn order(
        &self,
        #[remote(kwargs)] named: Kwargs,
        #[remote(args)] first: Vec<Value>,
        #[remote(args)] second: Vec<Value>,
        last: u8,
        #[remote(kwargs)] again: Kwargs,
    ) {
    }

    pub fn forms(
        &self,
        #[remote(args = 5)] value: Vec<Value>,
        #[remote(args, kwargs)] both: Vec<Value>,
        #[remote(args, default)] default: Vec<Value>,
    ) {
    }

    pub fn optional(&self, #[remote(args)] args: Option<Vec<Value>>, #[remote(kwargs)] kwargs: Arg<Kwargs>) {}

    pub fn context(&self, #[remote(args)] ctx: &Context) {}

    pub fn types(&self, #[remote(args)] args: String, #[remote(kwargs)] kwargs: HashMap<u8, Value>) {}

    fn private(&self, #[remote(args)] args: Vec<Value>) {}
}

#[remote(module = "shop")]
pub fn object(#[remote(args)] account: &Account) -> i64 {
    account.cents
}

fn main() {}
