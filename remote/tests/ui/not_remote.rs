//! Implementations of which one side is not `#[remote]`: the compiler reports them, partly in its own words.

use serde::{Deserialize, Serialize};
use tarmem_remote::remote;

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
struct Circle;

#[remote(module = "shop")]
trait Shape {}

struct Local;

trait Nearby {}

#[remote]
impl Shape for Local {}

#[remote]
impl Nearby for Circle {}

fn main() {}
