//! A class that cannot be serialized causes one error, at the type, whatever is done with it.

use serde::Serialize;
use tarmem_remote::remote;

/// Has neither derive.
#[remote(module = "wires")]
pub struct Socket {
    number: u32,
}

#[remote]
impl Socket {
    pub fn new() -> Self {
        Socket { number: 1 }
    }

    pub fn open() -> Result<Self, String> {
        Ok(Socket { number: 2 })
    }

    pub fn number(&self) -> u32 {
        self.number
    }

    pub fn renumber(&mut self, number: u32) {
        self.number = number;
    }
}

#[remote(module = "wires")]
pub trait Wire {
    fn length(&self) -> u32;
}

#[remote]
impl Wire for Socket {
    fn length(&self) -> u32 {
        self.number
    }
}

/// Has only one of them.
#[remote(module = "wires")]
#[derive(Serialize)]
pub struct Half(u32);

fn source<S: tarmem_remote::Source>(_: S) {}

fn main() {
    source(Socket::new());
    source(Half(1));
}
