//! The client, run as a process against a service in this one.

use std::process::Command;
use tarmem::Service;

tarmem::link!(bank);

#[tokio::test]
async fn second_run_finds_what_the_first_one_left() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("started");
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_bank-client")).arg(service.address()).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(run(), "after a deposit of 20 cents: 120\nrefused: 880 cents are missing\n");
    assert_eq!(run(), "after a deposit of 20 cents: 140\nrefused: 860 cents are missing\n");
}
