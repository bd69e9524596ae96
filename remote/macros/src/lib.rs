//! The `#[remote]` attribute of tarmem. Use it through `tarmem`, or `tarmem-remote` in a crate of models.
//!
//! It works in stages, with a file for each:
//!
//! - `args` parses the attribute's options; `signature` parses and checks a function's signature, using `types` for the
//!   types in it, `defaults` for the attributes of its parameters, and `docs` for the attributes that are copied to
//!   generated code. `errors` collects every error, so that all of them are reported.
//! - `class`, `inherent`, `interface`, `implementation` and `function` each expand one kind of item.
//! - `emit`, `dispatch`, `proxy` and `shape` write what those have in common: the client's side of a call, the
//!   service's side, the proxy type, and the signature that both sides compare.
//! - `replay` checks which methods may be made again.
//! - `multi_object` writes what is different for functions over several objects.
//! - `krate` finds the crate that generated code refers to. It refers to that crate's module `__private` and to nothing
//!   else.

mod args;
mod class;
mod defaults;
mod dispatch;
mod docs;
mod emit;
mod errors;
mod function;
mod implementation;
mod inherent;
mod interface;
mod krate;
mod multi_object;
mod proxy;
mod replay;
mod shape;
mod signature;
mod types;

use proc_macro::TokenStream;
use quote::quote;
use syn::Item;

/// Makes a type, its methods, a trait, a function or a constant remote.
///
/// For examples that compile, see this attribute where it is re-exported: `tarmem::remote` and `tarmem_remote::remote`.
///
/// The item itself is left as written. Two things are generated beside it: a registration, which a service finds when
/// it starts, and what a client needs to call the item.
///
/// # What is generated
///
/// | on | registers | for clients |
/// | --- | --- | --- |
/// | `struct`, `enum` | the class `module.Name` | `NameProxy`; a value of the type is a source for `memoize` and `update` |
/// | `impl Name` | each `pub fn`: with `&self` or `&mut self` as a method, otherwise as a constructor, `Name.open` in the class's module | methods of `NameProxy`; a constructor is `NameProxy::open(…)`, which returns a `FunctionCall` |
/// | `trait` | the interface `module.Name` | `NameProxy`; `get::<dyn Name>(key)` and `proxy.cast::<dyn Name>()` return one; and the trait `NameCalls`, see below |
/// | `impl Trait for Name` | that the class implements the interface | nothing more |
/// | `fn` | the function `module.name`; a generator if it returns a class | the type `name`, with `name::remote(…)`, which returns a `FunctionCall` |
/// | `const` | the constant `module.NAME` | its value is in the module's description |
///
/// A proxy has the visibility of its class or trait and is defined beside it. Code that imports the class has to import
/// the proxy, too. A class may have any number of `impl` blocks. Each names the class by a path, and the proxy has to
/// be found at the end of the same path: `impl super::Account` extends `super::AccountProxy`.
///
/// The methods of an interface can be called on the proxy of every class that implements it, as a trait's methods can
/// be called on a type: where `NameCalls` is imported, `circle.area()` on a `CircleProxy` calls `Shape::area`. A method
/// of the class itself takes precedence over an interface's method of the same name; `ShapeCalls::area(&circle)` calls
/// the interface's. Code that works with any such proxy takes an `impl ShapeCalls`. A proxy of an interface has the
/// methods of its supertraits in the same way.
///
/// A class has to be `Send + Sync + 'static`, and `Serialize + Deserialize` unless it is `resident`. A trait with
/// `async` methods, and each of its implementations, is expanded by `async-trait`, so that it has a `dyn` type. Methods
/// with a default body are remote like the others.
///
/// In an `impl` block, the `pub` functions are remote. A private function stays private to the class and needs no mark.
/// A `pub` function that is not meant for clients is marked `#[remote(skip)]`. A `pub(crate) fn` without that mark is
/// refused, and so is a block without any `pub fn`.
///
/// # Signatures
///
/// | in Rust | on the wire |
/// | --- | --- |
/// | `fn`, `async fn` | the same to a caller; the future of an async function has to be `Send` |
/// | `&self` | runs at the same time as other `&self` calls of the object; may be sent again after a failure |
/// | `&mut self` | runs alone |
/// | `x: T` | an argument; `T: Serialize + DeserializeOwned`; at most 16 of them |
/// | `x: &str`, `x: &[T]` | an argument as well; proxies take the same reference |
/// | `x: Option<T>` | a dynamic caller may leave it out, unless a required argument follows |
/// | `x: &T`, `x: &mut T`, in a function or constructor; `T` a class, or `dyn I` of an interface | an object of the service: see below |
/// | `x: &Context` | not an argument: the service passes the context of the running call; any type of that name |
/// | nothing, `-> T` | the proxy's call returns `T`, or `Error` |
/// | `-> Result<T, E>` | it returns `T`, or `CallError<E>`; `E: Serialize + DeserializeOwned + Display`; every type whose name ends in `Result` counts |
/// | `-> &str`, `-> &[T]`, `-> &T` | the caller gets a `String`, `Vec<T>`, `T`; not in async methods |
///
/// Documentation, `#[cfg]` and `#[deprecated]` are copied to the proxy. Descriptions, which clients can ask for,
/// contain the documentation without its section `# Examples`, and the parameters and types as written. `Self` stands
/// for the class.
///
/// # Functions over several objects
///
/// A function may take objects of the service beside other arguments: `from: &mut Account, to: &mut Account, cents:
/// i64`. Callers pass proxies, `transfer::remote(&alice, &bob, 30)`; dynamic callers pass a key, as text, or a
/// reference. For an interface, `&mut dyn Shape`, callers pass a proxy of the interface: `circle.cast::<dyn Shape>()`.
///
/// - The service holds all of the objects until the function returns, including while an async function waits: `&T`
///   together with other readers, `&mut T` alone. It takes them in one order, the same for every call, so that calls
///   cannot deadlock. A function that calls its own service (through its context) for an object that it holds waits for
///   itself, until its deadline.
/// - The same object may be passed twice if both parameters are `&T`; otherwise the call is refused with an error that
///   names both parameters.
/// - All or nothing: if the function returns an error or panics, or its result cannot be sent, every `&mut` object is
///   restored to what it was, and none is poisoned. The same holds for an async function that is stopped half way.
///   Other effects of the function are not undone.
/// - To be able to restore an object, the service copies it before each call: with `Clone` if its class implements it,
///   otherwise by encoding and decoding it, which loses what serde skips. What is behind an `Arc` is shared with the
///   copy and is not restored. A copy costs as much as cloning (or encoding and decoding) the object. For a large
///   object, derive a `Clone` that is cheap, take the object as `&T`, or promise to leave it as it was
///   (`all_or_nothing`, below). A class with neither, that is, a resident one without `Clone`, is refused as `&mut T`;
///   behind `&mut dyn I` the call is refused.
/// - An async function that takes a `dyn` type needs the interface to be `trait Shape: Send + Sync`.
/// - A function that returns an object is a generator like any other. If an async one is stopped by its time limit, it
///   is as if it had not begun; one that is not async runs to its end.
///
/// A method holds only its own object. To work on several, write a function.
///
/// # Options
///
/// On the item:
///
/// | option | on | meaning |
/// | --- | --- | --- |
/// | `module = "shop.pricing"` | class, trait, function, constant: required | the module that the item belongs to |
/// | `name = "list"` | class, trait, function, constant | its name in the module, if not the one in Rust |
/// | `resident` | class | its values cannot be encoded (they hold a socket, a channel, …): they are made on the service by a constructor or generator, and stay there; no `Serialize` needed |
/// | `volatile` | class | its objects end with the service, also if that has a storage: see below |
/// | `was = "bank.Konto"` | class | a path that the class had before; may be given several times: see below |
/// | `inline` | function | it promises to be quick: it may run on the connection's own thread although it returns an object |
/// | `blocking` | function | it runs off the async threads although it returns no object |
/// | `scales` | function | its running time grows with the size of its arguments and objects: it runs off the async threads if these are large, and on the connection's own thread otherwise |
/// | `all_or_nothing` | function with `&mut` objects, not async | it promises to leave the objects as they were if it fails: no copies are made, and if it panics, the objects are poisoned, as after a method; if only its result cannot be sent, its changes stay |
/// | `idempotent` | function | applying it twice is the same as applying it once, so it may be sent again after a failure |
/// | `crate = path` | all | where tarmem is, if the crate does not itself depend on `tarmem` or `tarmem-remote` (under any name) |
///
/// On a `pub fn` in an `impl` block, or a method in a trait, as a separate attribute:
///
/// | option | on | meaning |
/// | --- | --- | --- |
/// | `name = "__len__"` | all | its name on the wire, if not the one in Rust |
/// | `proxy = "get_value"` | methods in an `impl` block | the name of the proxy's method, if not the one in Rust: for a proxy that has a hand-written method of that name, which calls this one |
/// | `idempotent` | all; `&self` methods are anyway | as above |
/// | `blocking` | all that are not async | it runs off the async threads |
/// | `scales` | all that are not async | as above; the class reports the size of an object through `Extent` |
/// | `replay`, `replay = 2` | `&mut self` methods in an `impl` block | a service that keeps its objects may keep the call instead of the object's state: see below. On the `impl` block itself, it is for all `&mut self` methods in it |
/// | `inline` | constructors | as above |
/// | `skip` | all | it is not remote, and may have any signature |
///
/// On a parameter, as a separate attribute:
///
/// | option | meaning |
/// | --- | --- |
/// | `default`, `default = 60` | a dynamic caller may leave the argument out, and so may a client that was built before the parameter existed; its value is then its type's `Default`, or this expression, which the service evaluates for each such call. A string literal will do for a `&str` or a `String`; for a `&[T]` the expression is a `Vec<T>`. Typed proxies take the argument like any other. Not for objects and a `&Context`. On an `Arg`, which shows whether it was left out, `default = -1` is for descriptions only: it says what the function uses instead, and `None` stands for null |
/// | `args` | it takes all further positional arguments, as `*args` does in Python: a `Vec<T>` or `&[T]`, empty if there are none. Parameters after it are passed by name only |
/// | `kwargs` | it takes all further named arguments, as `**kwargs` does in Python: a [`Kwargs`](../tarmem_remote/args/struct.Kwargs.html), `HashMap<String, T>` or `BTreeMap<String, T>`, empty if there are none. It comes last |
///
/// Typed proxies take the last two as they are written: `text.format(vec![…], Kwargs::new())`.
///
/// Older and newer programs identify each other's methods by name: a method is called by a hash of its class's or
/// interface's path and its name. To rename one in Rust, keep the old name with `name`. Changing parameters breaks
/// older callers.
///
/// # What outlives the service
///
/// A service that has a storage keeps its objects: they are there when it is started again, under their keys and for
/// whoever refers to them. Those of a `resident` class are kept if the class implements `Keep`. A class that is marked
/// `volatile` is not kept, for what is worth nothing later, such as a cache. What is not kept is gone then: its keys
/// are not mapped, so that the next `memoize` makes it anew. An object that is kept, a list, say, may refer to one that
/// is not. It is loaded all the same, and the reference then leads nowhere: it can be shown and passed on, and whoever
/// uses it gets the error `NoSuchObject`. Descriptions say whether a class is `durable`.
///
/// What is stored of an object has the names of its class's fields, and serde's rules hold when the class changes: a
/// field with `#[serde(default)]` may be added, a field may be removed, and one with `#[serde(alias = "…")]` renamed.
/// If the path of the class changes, because its `name` or `module` does, or its name in Rust, give its old path as
/// `was`: objects that were stored under it, by themselves or inside others, are then loaded as the class. That is only
/// for what is stored: clients find the class under its path. A service does not start if the old path is that of
/// another class or interface, or if two classes have had it.
///
/// # Methods that are made again
///
/// A service with a storage keeps what changes. For most methods that is the state of the object, encoded once for each
/// commit: their code may do whatever it likes. For a large object that is much work for a small change. A method with
/// `replay` promises to be deterministic, and the service may then keep the call instead: which method, with which
/// arguments, and a checksum of the result. When the service starts again, it makes the calls again, in their order, on
/// the last state of the object. An append to a list of a million elements so costs what the append costs.
///
/// Such a method does the same to the object, and returns the same, whenever it is called with the same arguments on an
/// object with the same state. So it uses none of these:
///
/// - time, randomness, new ids; environment variables, files, other programs;
/// - globals, statics, thread-locals, and counters that are shared by objects;
/// - the order of a `std::collections::HashMap` or `HashSet`, which is another one in each process; addresses;
/// - fields that serde skips, or that are not the same after they were encoded and decoded;
/// - other objects of the service. (A call with references in its arguments or its result, and one that looks into
///   other objects, is never made again: the state is kept.)
///
/// The defaults of its parameters are part of it. It is not async and takes no `&Context`, and its class is not
/// `resident`.
///
/// Calls are kept only while they are smaller than the state, and a service that ends in order keeps states alone. So
/// a program with another body of the method may go on from what an earlier one has left, if that was ended in order.
/// After a crash there may be calls. A service that finds one whose method is gone, has another signature or another
/// version, or now returns something else does not start, and says which. That finds changed bodies only if results
/// change; so give a method whose body does something else than before the next version, `replay = 2`.
///
/// # What is refused
///
/// Each error points at the token in question and says what to write instead. All errors of an item are reported at
/// once.
///
/// - Generic types, traits, methods and implementations, and `impl Trait`: a registration is for one type. Write the
///   concrete types, or take a `Value`.
/// - `self` by value: the object stays on its service.
/// - References other than those above, lifetimes, and `dyn` types, anywhere in a signature: what arrives is decoded
///   and owned by the receiver. For references to objects in methods, see above.
/// - Pointers and function pointers; `unsafe`, `extern` and C-variadic functions.
/// - Patterns as parameters (`mut x` is allowed): an argument is identified by its name.
/// - Associated types, constants and functions in a trait, and `Self` in its signatures: the trait would have no `dyn`
///   type.
/// - Statics, unions, modules, type aliases.
///
/// The attribute cannot see two classes, methods or functions with the same name. A service refuses to start with them,
/// and names both places.
#[proc_macro_attribute]
pub fn remote(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(args.into(), item.into()).into()
}

fn expand(args: proc_macro2::TokenStream, tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    match syn::parse2(tokens.clone()) {
        Ok(Item::Struct(item)) => class::expand_struct(args, item),
        Ok(Item::Enum(item)) => class::expand_enum(args, item),
        Ok(Item::Impl(item)) => match item.trait_.clone() {
            Some((_, interface, _)) => implementation::expand(args, item, &interface),
            None => inherent::expand(args, item),
        },
        Ok(Item::Trait(item)) => interface::expand(args, item),
        Ok(Item::Fn(item)) => function::expand(args, item),
        Ok(Item::Const(item)) => function::expand_constant(args, item),
        Ok(other) => refuse(&tokens, &other),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#tokens #error)
        }
    }
}

fn refuse(tokens: &proc_macro2::TokenStream, item: &Item) -> proc_macro2::TokenStream {
    let message = match item {
        Item::Static(_) => "a static is not shared across processes; make it a `const`, or memoize an object",
        Item::Union(_) => "a union does not know what it holds; make it an enum",
        Item::Type(_) => "a type alias has no methods of its own; put #[remote] on the type that it names",
        Item::Mod(_) => "a module is named by its items: put #[remote(module = \"…\")] on each of them",
        Item::TraitAlias(_) => "an alias has no methods of its own; put #[remote] on the trait that it names",
        _ => "only structs, enums, impl blocks, traits, functions and constants can be remote",
    };
    let error = syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error();
    quote!(#tokens #error)
}
