//! What goes into a collection is `Serialize`.

use serde::Deserialize;
use tarmem_modules::builtins::{DictProxy, ListProxy};
use tarmem_modules::queue::QueueProxy;

/// Without the derive that is needed.
#[derive(Deserialize)]
struct Job {
    path: String,
}

fn put(queue: &QueueProxy, dict: &DictProxy, list: &ListProxy, job: Job) {
    let _ = queue.put(job);
    let _ = dict.set("k", Job { path: String::new() });
    let _ = list.extend([Job { path: String::new() }]);
}

fn main() {}
