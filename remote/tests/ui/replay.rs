//! Methods that cannot be made again.

use serde::{Deserialize, Serialize};
use tarmem_remote::{Context, remote};

#[remote(module = "shop", replay)]
#[derive(Serialize, Deserialize)]
pub struct Account {
    cents: i64,
}

#[remote]
impl Account {
    #[remote(replay)]
    pub fn new(cents: i64) -> Self {
        Account { cents }
    }

    #[remote(replay)]
    pub fn cents(&self) -> i64 {
        self.cents
    }

    #[remote(replay)]
    pub async fn add_later(&mut self, cents: i64) {
        self.cents += cents;
    }

    #[remote(replay)]
    pub fn add_for(&mut self, context: &Context, cents: i64) {
        self.cents += cents + context.sequence() as i64;
    }

    #[remote(replay = "two")]
    pub fn add(&mut self, cents: i64) {
        self.cents += cents;
    }

    #[remote(replay = 0)]
    pub fn subtract(&mut self, cents: i64) {
        self.cents -= cents;
    }
}

#[remote(replay)]
impl Account {
    pub fn half(&self) -> i64 {
        self.cents / 2
    }
}

#[remote(replay)]
impl Account {
    pub fn halve(&mut self) {
        self.cents /= 2;
    }

    pub async fn halve_later(&mut self) {
        self.cents /= 2;
    }
}

#[remote(module = "shop", replay)]
pub trait Shape {
    #[remote(replay)]
    fn grow(&mut self);
}

#[remote(module = "shop", replay)]
pub fn double(account: &mut Account) {
    account.cents *= 2;
}

fn main() {}
