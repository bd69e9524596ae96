//! A service and two client processes that share a list, then an object of a class made here.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```
//!
//! This process runs the service. It starts itself again twice, as client 1 and client 2, and gives them turns: a line
//! on a client's standard input begins its turn, and an empty line on its standard output ends it.

use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tarmem::value::from_value;
use tarmem::{CallError, DynamicProxy, Proxy, Service, Session, args, remote};

/// An account. One attribute makes the class remote: its values can live on a service.
#[remote(module = "quickstart")]
#[derive(Serialize, Deserialize)]
struct Account {
    cents: i64,
}

/// Why an account refuses: its own error, which reaches the client unchanged.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum Refusal {
    #[error("{missing} cents are missing")]
    Overdrawn { missing: i64 },
}

/// For clients, the same attribute makes an `AccountProxy` with the `pub` functions of these.
#[remote]
impl Account {
    /// Opens an account. Without a receiver, it is a generator: for `memoize` and `update`.
    pub fn open(cents: i64) -> Self {
        Account { cents }
    }

    /// Returns the balance. Shared: many callers may read at one time.
    pub fn balance(&self) -> i64 {
        self.cents
    }

    /// Deposits an amount and returns the new balance. Exclusive: it runs alone.
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

async fn client_1(session: Session) -> Result<(), Box<dyn Error>> {
    begin_turn().await?;
    // Nothing is under this key yet, so the service runs the generator, builtins.list([1, 2]).
    let builtins = session.remote_import("builtins").await?;
    let list = session.memoize("unique-key", builtins.function("list", args![[1, 2]])).await?;
    println!("{:?}", numbers(&list).await?);

    pass_turn().await?;
    // Client 2's elements are here too: there is one list.
    println!("{:?}", numbers(&list).await?);
    let account = session.memoize("account", AccountProxy::open(100)).await?;
    println!("deposit 20, balance {}", account.deposit(20).await?);

    pass_turn().await?;
    println!("balance {}", account.balance().await?);
    end_turn();
    Ok(())
}

async fn client_2(session: Session) -> Result<(), Box<dyn Error>> {
    begin_turn().await?;
    // The key is already mapped: this generator never runs.
    let builtins = session.remote_import("builtins").await?;
    let list = session.memoize("unique-key", builtins.function("list", args![[1, 2, 3]])).await?;
    println!("{:?}", numbers(&list).await?);
    println!("append 3");
    list.call("append", args![3]).await?;

    pass_turn().await?;
    // A typed proxy: the compiler checks names, arguments and results, and the error is the method's own.
    let account = session.get::<Account>("account").await?;
    match account.withdraw(500).await {
        Err(CallError::Method(Refusal::Overdrawn { missing })) => {
            println!("withdraw 500, refused: {missing} are missing")
        }
        other => return Err(format!("an overdraft should be refused, but it gave {other:?}").into()),
    }
    println!("withdraw 70, balance {}", account.withdraw(70).await?);
    end_turn();
    Ok(())
}

/// A copy of the list's contents, as a Rust type.
async fn numbers(list: &DynamicProxy) -> Result<Vec<i64>, Box<dyn Error>> {
    Ok(from_value(list.snapshot().await?)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => host().await,
        (Some("client-1"), Some(address)) => client_1(Session::connect(address).await?).await,
        (Some("client-2"), Some(address)) => client_2(Session::connect(address).await?).await,
        _ => Err("quickstart takes no arguments".into()),
    }
}

/// Runs the service, and gives the clients their turns.
async fn host() -> Result<(), Box<dyn Error>> {
    // Port 0 is any free one.
    let service = Service::new("127.0.0.1", 0).start().await?;
    let address = service.local_addr().ok_or("the service has no address")?.to_string();
    println!("service: listening on {address}");

    let mut one = Client::start("client-1", &address)?;
    let mut two = Client::start("client-2", &address)?;
    // The service runs on its own threads, so this one may block.
    one.turn("client 1")?;
    two.turn("client 2")?;
    one.turn("client 1")?;
    two.turn("client 2")?;
    one.turn("client 1")?;

    service.shutdown().await;
    Ok(())
}

/// A client's process; killed when dropped.
struct Client {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(role: &str, address: &str) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([role, address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (input, output) = (input.ok_or("no standard input")?, output.ok_or("no standard output")?);
        Ok(Client { process, input, output: BufReader::new(output) })
    }

    /// Lets the client take its turn, and prints what it says.
    fn turn(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        writeln!(self.input)?;
        for line in (&mut self.output).lines() {
            match line?.as_str() {
                "" => return Ok(()),
                said => println!("{name}: {said}"),
            }
        }
        Err(format!("{name} ended before its turn did").into())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Both fail only if it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for this client's turn. Fails if the host is gone, and then the client ends.
async fn begin_turn() -> Result<(), Box<dyn Error>> {
    // On a thread that may block: the session goes on meanwhile.
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    if read.await?? == 0 { Err("the host is gone".into()) } else { Ok(()) }
}

fn end_turn() {
    println!();
}

async fn pass_turn() -> Result<(), Box<dyn Error>> {
    end_turn();
    begin_turn().await
}
