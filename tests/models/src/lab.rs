//! Generators that are slow, fail or panic, and count how often they ran; a function, and constants.

use crate::bank::{Account, BankError};
use shared_objects::{CallError, Context, Error, remote};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

static RUNS: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

pub(crate) fn count_run(tag: &str) {
    if let Ok(mut runs) = RUNS.lock() {
        *runs.get_or_insert_default().entry(tag.to_owned()).or_default() += 1;
    }
}

/// How often a generator with this tag ran in the service's process.
#[remote(module = "lab")]
pub fn runs(tag: String) -> u64 {
    RUNS.lock().ok().and_then(|runs| runs.as_ref()?.get(&tag).copied()).unwrap_or(0)
}

/// Makes an account slowly, without holding a thread.
#[remote(module = "lab")]
pub async fn slow_account(tag: String, cents: i64, millis: u64) -> Account {
    count_run(&tag);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Account { cents }
}

/// Makes an account slowly, in a function that holds its thread.
#[remote(module = "lab")]
pub fn heavy_account(tag: String, cents: i64, millis: u64) -> Account {
    count_run(&tag);
    std::thread::sleep(Duration::from_millis(millis));
    Account { cents }
}

/// Fails the first `failures` times that it runs with this tag.
#[remote(module = "lab")]
pub async fn unlucky_account(tag: String, failures: u64, millis: u64) -> Result<Account, BankError> {
    count_run(&tag);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    if runs(tag) <= failures { Err(BankError::Overdrawn { missing: 13 }) } else { Ok(Account { cents: 1 }) }
}

/// Panics.
#[remote(module = "lab")]
pub fn broken_account() -> Account {
    panic!("no ink")
}

/// Memoizes `keys[1]`, which memoizes `keys[2]`, and so on, before it is done itself.
#[remote(module = "lab")]
pub async fn chained_account(ctx: &Context, keys: Vec<String>) -> Result<Account, Error> {
    if let Some(next) = keys.get(1) {
        let rest = chained_account::remote(keys[1..].to_vec());
        ctx.service().memoize(next, rest).await.map_err(|error| match error {
            CallError::Method(error) | CallError::Failed(error) => error,
        })?;
    }
    Ok(Account { cents: 0 })
}

/// How many milliseconds this call has left, and which session made it.
#[remote(module = "lab")]
pub fn time_left(ctx: &Context) -> (Option<u64>, String) {
    let left = ctx.deadline().map(|at| at.saturating_duration_since(std::time::Instant::now()).as_millis() as u64);
    (left, ctx.session().to_string())
}

/// Not a generator: returns a number.
#[remote(module = "lab")]
pub fn add(left: i64, right: i64) -> i64 {
    left + right
}

/// The number of days in a week.
#[remote(module = "lab")]
pub const DAYS: i64 = 7;

/// The number of hours in a day.
#[remote(module = "lab.inner")]
pub const HOURS: i64 = 24;

/// Makes an account with a balance that no other has, neither in this process nor in another: when it was made.
#[remote(module = "lab")]
pub async fn stamped_account(tag: String, millis: u64) -> Account {
    count_run(&tag);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Account { cents: since.map_or(0, |since| since.as_nanos() as i64) }
}
