//! The classes that the bank's service hosts and its clients call.

use serde::{Deserialize, Serialize};
use tarmem_remote::remote;

/// An account.
#[remote(module = "bank")]
#[derive(Serialize, Deserialize)]
pub struct Account {
    cents: i64,
}

/// Why an account refuses a withdrawal.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// The balance is too low.
    #[error("{missing} cents are missing")]
    Overdrawn { missing: i64 },
}

#[remote]
impl Account {
    /// Opens an account.
    pub fn open(cents: i64) -> Self {
        Account { cents }
    }

    /// Returns the balance.
    pub fn balance(&self) -> i64 {
        self.cents
    }

    /// Deposits an amount and returns the new balance.
    pub fn deposit(&mut self, cents: i64) -> i64 {
        self.cents += cents;
        self.cents
    }

    /// Withdraws an amount and returns the new balance.
    pub fn withdraw(&mut self, cents: i64) -> Result<i64, Refusal> {
        if cents > self.cents {
            return Err(Refusal::Overdrawn { missing: cents - self.cents });
        }
        self.cents -= cents;
        Ok(self.cents)
    }
}
