//! Functions that cannot be remote.

use tarmem_remote::{Context, remote};

#[remote]
fn without_module() {}

#[remote(module = "shop", skip, resident)]
fn unknown_options() {}

#[remote(module = "shop")]
fn generic<T>(value: Vec<T>) -> usize {
    value.len()
}

#[remote(module = "shop")]
fn borrowed(account: &mut String, ctx: &mut Context, tuple: &(i64, i64), list: &Vec<i64>) {
    let _ = (account, ctx, tuple, list);
}

#[remote(module = "shop")]
fn lent(text: &str) -> &str {
    text
}

#[remote(module = "shop", blocking)]
async fn blocking_async() {}

fn main() {}
