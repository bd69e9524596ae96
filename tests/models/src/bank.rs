//! Accounts, and a transfer between two.

use serde::{Deserialize, Serialize};
use shared_objects::{CallError, Context, Error, remote};
use std::time::Duration;

/// An account.
#[remote(module = "bank")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub(crate) cents: i64,
}

/// What an account refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum BankError {
    /// The account has too little.
    #[error("{missing} cents are missing")]
    Overdrawn {
        /// How many cents are missing.
        missing: i64,
    },
}

#[remote]
impl Account {
    /// Opens an account.
    pub fn open(cents: i64) -> Self {
        Account { cents }
    }

    /// Opens an account unless the sum is negative.
    #[remote(inline)]
    pub fn open_checked(cents: i64) -> Result<Self, BankError> {
        if cents < 0 { Err(BankError::Overdrawn { missing: -cents }) } else { Ok(Account { cents }) }
    }

    /// The balance.
    pub fn balance(&self) -> i64 {
        self.cents
    }

    /// Puts `cents` in, and returns the new balance.
    pub fn deposit(&mut self, cents: i64) -> i64 {
        self.cents += cents;
        self.cents
    }

    /// Takes something out, and returns the new balance.
    pub fn withdraw(&mut self, cents: i64) -> Result<i64, BankError> {
        if cents > self.cents {
            return Err(BankError::Overdrawn { missing: cents - self.cents });
        }
        self.cents -= cents;
        Ok(self.cents)
    }

    /// Puts `cents` in, and holds its thread for that long.
    pub fn deposit_holding(&mut self, cents: i64, millis: u64) -> i64 {
        std::thread::sleep(Duration::from_millis(millis));
        self.cents += cents;
        self.cents
    }

    /// The balance; holds its thread for that long.
    pub fn balance_holding(&self, millis: u64) -> i64 {
        std::thread::sleep(Duration::from_millis(millis));
        self.cents
    }

    /// A label, made from borrowed arguments.
    pub fn label(&self, owner: &str, tags: &[String], note: Option<String>) -> String {
        format!("{owner}:{}:{}:{}", self.cents, tags.join("+"), note.unwrap_or_default())
    }

    /// How many milliseconds this call has left; `None` if it has no deadline.
    pub fn time_left(&self, ctx: &Context) -> Option<u64> {
        ctx.deadline().map(|at| at.saturating_duration_since(std::time::Instant::now()).as_millis() as u64)
    }

    /// Takes something out and puts it into the account under the first of `keys`, which passes it on to the next.
    pub async fn pass_on(&mut self, ctx: &Context, keys: Vec<String>, cents: i64) -> Result<i64, Error> {
        self.cents -= cents;
        if let Some((next, rest)) = keys.split_first() {
            let next = ctx.service().proxy::<Account>(next);
            next.deposit(cents).await?;
            next.pass_on(rest.to_vec(), cents).await.map_err(|error| match error {
                CallError::Method(error) | CallError::Failed(error) => error,
            })?;
        }
        Ok(self.cents)
    }

    /// The balance of the account under `key`, which may be this one.
    pub async fn look_at(&self, ctx: &Context, key: String) -> Result<i64, Error> {
        ctx.service().proxy::<Account>(&key).balance().await
    }

    /// Panics half way through a change.
    pub fn break_down(&mut self) {
        self.cents = -1;
        panic!("the vault door fell off");
    }

    /// Panics half way through a change, after other tasks had their turn.
    pub async fn break_down_later(&mut self) {
        self.cents = -1;
        tokio::task::yield_now().await;
        panic!("the vault door fell off, later");
    }

    /// Panics while it only reads.
    pub fn look_badly(&self) -> i64 {
        panic!("the light went out")
    }

    /// Adds `cents` after a while, and holds the account all the time.
    pub async fn deposit_slowly(&mut self, cents: i64, millis: u64) -> i64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.cents += cents;
        self.cents
    }

    /// The balance, after a while, beside other readers.
    pub async fn balance_slowly(&self, millis: u64) -> i64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.cents
    }

    /// Takes something out, after other tasks had their turn.
    pub async fn withdraw_politely(&mut self, cents: i64) -> Result<i64, BankError> {
        tokio::task::yield_now().await;
        self.withdraw(cents)
    }

    /// Holds a thread that may block, and not an event loop's.
    #[remote(blocking)]
    pub fn balance_blocking(&self, millis: u64) -> i64 {
        std::thread::sleep(Duration::from_millis(millis));
        self.cents
    }

    /// Blocks the thread that serves the connection.
    pub fn hold_up(&self, millis: u64) -> i64 {
        std::thread::sleep(Duration::from_millis(millis));
        self.cents
    }

    /// The id of the calling session, as text.
    pub fn asked_by(&self, ctx: &Context) -> String {
        ctx.session().to_string()
    }

    /// A result of `bytes` bytes.
    pub fn large(&self, bytes: u64) -> Vec<u8> {
        vec![7; usize::try_from(bytes).unwrap_or(0)]
    }
}

/// Moves money from one account to another: all of it or none.
#[remote(module = "bank")]
pub fn transfer(from: &mut Account, to: &mut Account, cents: i64) -> Result<(), BankError> {
    // If the second step fails, the service undoes the first.
    to.deposit(cents);
    from.withdraw(cents)?;
    Ok(())
}
