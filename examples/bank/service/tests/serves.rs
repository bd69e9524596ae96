//! The service, run as a process.

use bank::AccountProxy;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tarmem::Session;

/// A process that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn service_hosts_accounts() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.args(["serve", "--host", "127.0.0.1", "--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut service = Running(command.spawn().expect("it starts"));
    let stdout = service.0.stdout.take().expect("it is piped");
    let line = BufReader::new(stdout).lines().next().expect("a line").expect("text");
    let address = line.strip_prefix("listening on ").expect("its address");

    let session = Session::connect(address).await.expect("connected");
    let alice = session.memoize("alice", AccountProxy::open(100)).await.expect("made");
    assert_eq!(alice.deposit(20).await, Ok(120));

    // The same program as a client, without types.
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
        let output = command.args(["--addr", address]).args(args).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(run(&["get", "alice"]), "{\"cents\":120}\n");
    assert_eq!(run(&["call", "alice", "deposit", "5"]), "125\n");
}
