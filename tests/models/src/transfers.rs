//! Functions over several accounts that stop half way, take their time, or call others.

use crate::bank::{Account, AccountProxy, BankError, transfer};
use crate::lab::count_run;
use serde::{Deserialize, Serialize};
use shared_objects::{CallError, Context, Error, remote};
use std::time::Duration;

/// What goes wrong half way through a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Mishap {
    /// It fails.
    Error,
    /// It panics.
    Panic,
}

/// A transfer that stops half way.
#[remote(module = "lab")]
pub fn transfer_half(from: &mut Account, to: &mut Account, cents: i64, then: Mishap) -> Result<i64, BankError> {
    from.cents -= cents;
    match then {
        Mishap::Error => Err(BankError::Overdrawn { missing: to.cents }),
        Mishap::Panic => panic!("the courier tripped"),
    }
}

/// A transfer that promises to be all or nothing, and breaks its promise.
#[remote(module = "lab", all_or_nothing)]
pub fn transfer_trusted(from: &mut Account, to: &mut Account, cents: i64, then: Mishap) -> Result<i64, BankError> {
    transfer_half(from, to, cents, then)
}

/// A transfer that takes its time half way, and may fail after that.
#[remote(module = "lab")]
pub async fn transfer_slowly(
    ctx: &Context,
    from: &mut Account,
    to: &mut Account,
    cents: i64,
    millis: u64,
    then: Option<Mishap>,
) -> Result<String, BankError> {
    count_run("transfer_slowly");
    from.cents -= cents;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    match then {
        Some(Mishap::Error) => return Err(BankError::Overdrawn { missing: 1 }),
        Some(Mishap::Panic) => panic!("the courier fell asleep"),
        None => to.cents += cents,
    }
    Ok(ctx.session().to_string())
}

/// A transfer that holds its thread while it waits.
#[remote(module = "lab", blocking)]
pub fn transfer_blocking(from: &mut Account, to: &mut Account, cents: i64, millis: u64) -> Result<(), BankError> {
    std::thread::sleep(Duration::from_millis(millis));
    transfer(from, to, cents)
}

/// The total of two accounts at one moment.
#[remote(module = "lab")]
pub fn sum_of(one: &Account, other: &Account) -> i64 {
    one.cents + other.cents
}

/// Opens an account with the total of two others, and empties those.
#[remote(module = "lab")]
pub fn merge(one: &mut Account, other: &mut Account, then: Option<Mishap>) -> Result<Account, BankError> {
    let merged = Account { cents: std::mem::take(&mut one.cents) + std::mem::take(&mut other.cents) };
    match then {
        Some(Mishap::Error) => Err(BankError::Overdrawn { missing: 2 }),
        Some(Mishap::Panic) => panic!("the clerk went home"),
        None => Ok(merged),
    }
}

/// Like `merge`, after a while and without holding a thread.
#[remote(module = "lab")]
pub async fn merge_slowly(one: &mut Account, other: &mut Account, millis: u64) -> Account {
    let cents = std::mem::take(&mut one.cents);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Account { cents: cents + std::mem::take(&mut other.cents) }
}

/// The total of ten accounts and of those under the keys in `more`, ten at a time, all locked at one moment. The keys
/// have to be in the order in which the accounts were made: the service locks the accounts of one call in that order,
/// and nested calls have to do the same.
#[remote(module = "lab")]
#[allow(clippy::too_many_arguments)]
pub async fn total_of(
    ctx: &Context,
    a: &Account,
    b: &Account,
    c: &Account,
    d: &Account,
    e: &Account,
    f: &Account,
    g: &Account,
    h: &Account,
    i: &Account,
    j: &Account,
    more: Vec<String>,
) -> Result<i64, Error> {
    let rest = match more.split_at_checked(10) {
        None => 0,
        Some((ten, more)) => {
            let ten: Vec<AccountProxy> = ten.iter().map(|key| ctx.service().proxy::<Account>(key)).collect();
            let [a, b, c, d, e, f, g, h, i, j] = &ten[..] else { return Err(Error::Cancelled) };
            let call = total_of::remote(a, b, c, d, e, f, g, h, i, j, more.to_vec()).call(ctx.service());
            call.await.map_err(|error| match error {
                CallError::Method(error) | CallError::Failed(error) => error,
            })?
        }
    };
    Ok([a, b, c, d, e, f, g, h, i, j].iter().map(|account| account.cents).sum::<i64>() + rest)
}

/// Empties an account, and returns a receipt of `bytes` bytes for it.
#[remote(module = "lab")]
pub fn receipt(account: &mut Account, bytes: u64) -> Vec<u8> {
    account.cents = 0;
    vec![7; usize::try_from(bytes).unwrap_or(0)]
}
