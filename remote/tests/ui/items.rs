//! The attribute on items that cannot be remote.

use tarmem_remote::remote;

#[remote(module = "shop")]
static COUNT: i64 = 1;

#[remote(module = "shop")]
union Either {
    one: i64,
    other: f64,
}

#[remote(module = "shop")]
type Alias = Vec<i64>;

#[remote(module = "shop")]
mod inner {}

#[remote(module = "shop")]
extern crate std as other;

#[remote(module = "shop")]
const _: i64 = 1;

struct Account;

impl Account {
    #[remote]
    pub fn balance(&self) -> i64 {
        1
    }
}

fn main() {
    let _ = (COUNT, Account.balance(), Alias::new(), Either { one: 1 });
}
