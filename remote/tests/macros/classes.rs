//! Tests of structs and enums, their methods and constructors.

use crate::loopback::{api, context, pause, wait};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::mpsc;
use tarmem_remote::describe::{Invoke, Receiver, Registration, stable_id};
use tarmem_remote::dispatch::{Arguments, Encoding, Output};
use tarmem_remote::{CallError, Context, Error, Object, Proxy, Registry, Remote, Value, remote};

/// Money, in cents.
///
/// It is counted in cents.
#[remote(module = "classes.bank")]
#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Account {
    cents: i64,
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) enum BankError {
    Overdrawn { missing: i64 },
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BankError::Overdrawn { missing } = self;
        write!(f, "{missing} cents are missing")
    }
}

mod aliased {
    pub(super) type Result<T> = std::result::Result<T, super::BankError>;
}

#[remote]
impl Account {
    /// Opens an account.
    pub fn open(cents: i64) -> Self {
        Account { cents, notes: Vec::new() }
    }

    pub fn open_checked(cents: i64) -> Result<Account, BankError> {
        if cents < 0 { Err(BankError::Overdrawn { missing: -cents }) } else { Ok(Self::open(cents)) }
    }

    #[remote(inline, idempotent)]
    pub async fn open_later(ctx: &Context, mut cents: i64) -> Self {
        pause().await;
        cents += i64::from(ctx.deadline().is_none());
        Self::open(cents)
    }

    /// Not an account.
    pub fn currency() -> &'static str {
        "cent"
    }

    pub fn balance(&self) -> i64 {
        self.cents
    }

    /// Takes money out.
    ///
    ///     indented
    ///
    /// # Examples
    ///
    /// ```
    /// # // A hidden line is not a heading.
    /// assert_eq!(1 + 1, 2);
    /// ```
    pub fn withdraw(&mut self, cents: i64) -> Result<i64, BankError> {
        let missing = cents - self.cents;
        if missing > 0 {
            return Err(BankError::Overdrawn { missing });
        }
        self.cents -= cents;
        Ok(self.cents)
    }

    #[remote(blocking, idempotent)]
    pub fn note(&mut self, head: &str, rest: &[String], tail: Option<Vec<(u8, i64)>>) {
        self.notes = vec![head.to_owned()];
        self.notes.extend_from_slice(rest);
        self.notes.extend(tail.iter().flatten().map(|(a, b)| format!("{a}{b}")));
    }

    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub fn last_note(&mut self) -> &str {
        self.notes.last().map_or("", String::as_str)
    }

    pub async fn settle(&mut self, ctx: &Context, cents: i64) -> aliased::Result<()> {
        pause().await;
        self.withdraw(cents + i64::from(!ctx.session().is_nil())).map(|_| ())
    }

    pub async fn slowly(&self, of: &str) -> String {
        pause().await;
        format!("{of}: {}", self.cents)
    }

    pub fn same(&self, other: Self) -> bool {
        *self == other
    }

    #[remote(name = "__len__")]
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    #[remote(skip)]
    #[allow(dead_code)]
    pub fn local<T: From<i64>>(&self) -> T {
        self.private().into()
    }

    fn private(&self) -> i64 {
        self.cents
    }
}

// A class may have any number of blocks, wherever its name is visible.
mod elsewhere {
    use tarmem_remote::remote;

    #[remote]
    impl super::Account {
        pub fn double(&mut self) -> i64 {
            self.cents *= 2;
            self.cents
        }

        pub fn empty() -> Self {
            Self::open(0)
        }
    }
}

/// An enum is a class as well.
#[remote(module = "classes", name = "switch")]
#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) enum Switch {
    On,
    Off,
}

#[remote]
impl Switch {
    pub fn new() -> Self {
        Switch::Off
    }

    pub fn flip(&mut self) -> bool {
        *self = if *self == Switch::On { Switch::Off } else { Switch::On };
        *self == Switch::On
    }
}

/// Holds a channel.
#[remote(module = "classes", resident)]
pub(crate) struct Pipe {
    sender: std::sync::Mutex<mpsc::Sender<i64>>,
    receiver: std::sync::Mutex<mpsc::Receiver<i64>>,
}

#[remote]
impl Pipe {
    pub fn open() -> Self {
        let (sender, receiver) = mpsc::channel();
        Pipe { sender: sender.into(), receiver: receiver.into() }
    }

    pub fn send(&self, value: i64) {
        self.sender.lock().expect("no panic").send(value).expect("the receiver is here");
    }

    pub fn receive(&self) -> Option<i64> {
        self.receiver.lock().expect("no panic").try_recv().ok()
    }
}

#[test]
fn a_class_is_described_with_its_methods() {
    let registry = Registry::linked().expect("no names clash");
    let class = registry.class("classes.bank.Account").expect("it is linked");
    let entry = class.entry();
    assert_eq!((entry.module, entry.name, entry.encodable), ("classes.bank", "Account", true));
    assert_eq!(entry.docs, "Money, in cents.\n\nIt is counted in cents.");
    assert_eq!((entry.place.file, entry.place.line), (file!(), 16));
    assert_eq!(Account::PATH, "classes.bank.Account");
    assert_eq!((&Account::open(1) as &dyn Object).class(), "classes.bank.Account");

    let described: Vec<String> =
        class.describe_methods().iter().map(|m| format!("{} {}", m.receiver, m.signature)).collect();
    assert_eq!(
        described,
        [
            "&self balance() -> i64",
            "&mut self withdraw(cents: i64) -> Result<i64, BankError>",
            "&mut self note(head: &str, rest: &[String], tail: Option<Vec<(u8, i64)>>)",
            "&self notes() -> &[String]",
            "&mut self last_note() -> &str",
            "&mut self settle(cents: i64) -> aliased::Result<()>",
            "&self slowly(of: &str) -> String",
            "&self same(other: Account) -> bool",
            "&self __len__() -> usize",
            "&mut self double() -> i64",
        ]
    );
    assert_eq!(class.describe_methods()[1].docs, "Takes money out.\n\n    indented");
}

#[test]
fn a_method_is_described_with_its_parameters() {
    let registry = Registry::linked().expect("no names clash");
    let class = registry.class("classes.bank.Account").expect("it is linked");
    let note = class.method("note").expect("it is there");
    assert_eq!(note.id, stable_id("classes.bank.Account", "note"));
    assert_eq!((note.receiver, note.idempotent, note.blocking), (Receiver::Exclusive, true, true));
    assert_eq!(note.params.iter().map(|p| p.optional).collect::<Vec<_>>(), [false, false, true]);
    assert!(matches!(note.invoke, Invoke::Exclusive(_)));
    let balance = class.method("balance").expect("it is there");
    assert_eq!((balance.receiver, balance.idempotent, balance.blocking), (Receiver::Shared, true, false));
    let settle = class.method("settle").expect("it is there");
    assert!(!settle.idempotent && matches!(settle.invoke, Invoke::ExclusiveAsync(_)));
    assert_eq!(settle.params.len(), 1, "the context is not a parameter");
    assert!(matches!(class.method("slowly").expect("it is there").invoke, Invoke::SharedAsync(_)));
    assert!(class.method("local").is_err() && class.method("private").is_err());
}

#[test]
fn a_constructor_is_registered_as_a_function_of_its_module() {
    let registry = Registry::linked().expect("no names clash");
    let open = registry.function("classes.bank", "Account.open").expect("it is there");
    assert_eq!((open.class, open.id), (Some("classes.bank.Account"), stable_id("classes.bank.Account", "open")));
    assert_eq!(open.signature(), "classes.bank.Account.open(cents: i64) -> Account");
    assert_eq!((open.docs, open.inline, open.idempotent), ("Opens an account.", false, false));
    assert_eq!((open.makes)(), Some("classes.bank.Account"));
    let later = registry.function("classes.bank", "Account.open_later").expect("it is there");
    assert!(later.inline && later.idempotent && (later.makes)().is_some());
    let currency = registry.function("classes.bank", "Account.currency").expect("it is there");
    assert!((currency.makes)().is_none());
    assert!(registry.function("classes.bank", "Account.empty").is_ok(), "from the other block");
    // A class's name stands for its `new`, which is registered under the class's name on the wire.
    assert_eq!(registry.function("classes", "switch").expect("it has a `new`").name, "switch.new");
}

#[test]
fn typed_calls_run_the_methods() {
    let api = api();
    let account = wait(api.memoize("alice", AccountProxy::open(100))).expect("opened");
    assert_eq!(account.key(), Some("alice"));
    assert_eq!(wait(account.balance()), Ok(100));
    assert_eq!(wait(account.withdraw(30)), Ok(70));
    assert_eq!(wait(account.withdraw(71)), Err(CallError::Method(BankError::Overdrawn { missing: 1 })));
    assert_eq!(wait(account.double()), Ok(140));
    assert_eq!(wait(account.settle(141)), Err(CallError::Method(BankError::Overdrawn { missing: 1 })));
    assert_eq!(wait(account.settle(40)), Ok(()));
    assert_eq!(wait(account.slowly("left")), Ok("left: 100".to_owned()));
    assert_eq!(wait(account.note("a", &["b".to_owned()], Some(vec![(1, 2)]))), Ok(()));
    assert_eq!(wait(account.notes()), Ok(vec!["a".to_owned(), "b".to_owned(), "12".to_owned()]));
    assert_eq!(wait(account.last_note()), Ok("12".to_owned()));
    assert_eq!(wait(account.len()), Ok(3));
    assert_eq!(wait(account.same(Account::open(100))), Ok(false));
}

#[test]
fn dynamic_calls_run_the_methods() {
    let api = api();
    wait(api.memoize("alice", AccountProxy::open(100))).expect("opened");
    let account = wait(api.get_dynamic("alice")).expect("it is there");
    assert_eq!(wait(account.call("balance", [])), Ok(Value::from(100)));
    assert_eq!(wait(account.call("withdraw", [30.into()])), Ok(Value::from(70)));
    let raised = wait(account.call("withdraw", [71.into()])).expect_err("overdrawn");
    assert!(matches!(&raised, Error::Raised { message, .. } if message == "1 cents are missing"), "{raised}");
    assert_eq!(wait(account.call("note", ["a".into(), vec!["b"].into()])), Ok(Value::Null), "the last may be left out");
    assert_eq!(wait(account.call("notes", [])), Ok(vec!["a", "b"].into()));
    assert_eq!(wait(account.call("__len__", [])), Ok(Value::from(2)));
    let refused = wait(account.call("withdraw", ["much".into()])).expect_err("a text is no number").to_string();
    assert!(refused.starts_with("classes.bank.Account.withdraw(cents): "), "{refused}");
    let refused = wait(account.call("balance", [1.into()])).expect_err("it takes none").to_string();
    assert_eq!(refused, "classes.bank.Account.balance(): takes 0 arguments, but 1 was given");
}

#[test]
fn values_and_constructors_are_sources() {
    let api = api();
    let moved = wait(api.update("bob", Account::open(5))).expect("moved");
    assert_eq!(wait(moved.balance()), Ok(5));
    let later = wait(api.update("bob", AccountProxy::open_later(6))).expect("made");
    assert_eq!(wait(later.balance()), Ok(7));
    assert_eq!(wait(moved.balance()), Ok(7), "a proxy by key follows it");
    let refused = wait(api.memoize("carol", AccountProxy::open_checked(-3))).expect_err("overdrawn");
    assert_eq!(refused, CallError::Method(BankError::Overdrawn { missing: 3 }));
    assert_eq!(wait(AccountProxy::currency().call(&api)), Ok("cent".to_owned()));
    assert_eq!(wait(AccountProxy::open_checked(9).call(&api)), Ok(Account::open(9)));
}

#[test]
fn an_enum_is_a_class() {
    let api = api();
    let switch = wait(api.memoize("lamp", SwitchProxy::new())).expect("made");
    assert_eq!(Switch::PATH, "classes.switch");
    assert_eq!((wait(switch.flip()), wait(switch.flip())), (Ok(true), Ok(false)));
    assert_eq!(wait(api.update("lamp", Switch::On)).map(|lamp| wait(lamp.flip())), Ok(Ok(false)));
}

#[test]
fn a_resident_class_is_never_encoded() {
    let api = api();
    let pipe = wait(api.memoize("pipe", PipeProxy::open())).expect("made");
    assert_eq!(wait(pipe.send(3)), Ok(()));
    assert_eq!((wait(pipe.receive()), wait(pipe.receive())), (Ok(Some(3)), Ok(None)));

    let message = "classes.Pipe is a resident class: its values stay on the service where they were made";
    let refused = wait(PipeProxy::open().call(&api)).map(|_| ()).expect_err("it cannot travel").to_string();
    assert!(refused.contains(message), "{refused}");
    let refused = serde_json::from_str::<Pipe>("null").map(|_| ()).expect_err("nor back").to_string();
    assert_eq!(refused, message);
    let registry = Registry::linked().expect("no names clash");
    assert!(!registry.class("classes.Pipe").expect("it is linked").entry().encodable);
}

#[test]
fn a_dispatch_function_refuses_an_object_of_another_class() {
    let registry = Registry::linked().expect("no names clash");
    let class = registry.class("classes.bank.Account").expect("it is linked");
    let Invoke::Shared(invoke) = class.method("balance").expect("it is there").invoke else { panic!("not shared") };
    let mut body = Vec::new();
    let mut out = Output::new(Encoding::Typed, &mut body, 100);
    let mut args = Arguments::new(Encoding::Typed, &[], &[]).expect("no arguments");
    let refused = invoke(&Switch::On, &context(), &mut args, &mut out);
    let refused = refused.map_err(|error| error.named(String::new, String::new));
    assert!(matches!(refused, Err(Error::WrongClass { found, .. }) if found == "classes.switch"));
}

#[test]
fn no_registration_is_lost() {
    let blocks = inventory::iter::<Registration>.into_iter().filter(|registration| {
        matches!(registration, Registration::Implementation(found) if found.class == "classes.bank.Account")
    });
    assert_eq!(blocks.count(), 2);
}

#[remote(module = "classes.replay")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Tower {
    height: i64,
}

#[remote(replay)]
impl Tower {
    pub fn of_stones() -> Self {
        Tower { height: 0 }
    }

    pub fn height(&self) -> i64 {
        self.height
    }

    pub fn raise(&mut self) {
        self.height += 1;
    }

    #[remote(replay = 7)]
    pub fn lower(&mut self) {
        self.height -= 1;
    }
}

#[remote]
impl Tower {
    #[remote(replay)]
    pub fn double(&mut self) {
        self.height *= 2;
    }

    pub fn halve(&mut self) {
        self.height /= 2;
    }
}

#[test]
fn the_option_of_a_block_is_for_its_methods_that_change_their_object() {
    let registry = Registry::linked().expect("names are unique");
    let class = registry.class("classes.replay.Tower").expect("it is there");
    let version = |name| class.method(name).expect("it is there").replay;
    assert_eq!(["height", "raise", "lower", "double", "halve"].map(version), [None, Some(1), Some(7), Some(1), None]);
    assert!(class.replays());
    assert!(!registry.class("classes.bank.Account").expect("it is there").replays());
}
