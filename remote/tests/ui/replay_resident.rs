//! A resident class, whose methods cannot be made again.

use tarmem_remote::remote;

#[remote(module = "shop", resident)]
pub struct Door {
    open: bool,
}

#[remote]
impl Door {
    #[remote(replay)]
    pub fn open(&mut self) {
        self.open = true;
    }
}

fn main() {}
