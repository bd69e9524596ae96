//! The `#[remote]` attribute of tarmem. Use it through `tarmem`, or `tarmem-remote` in a crate of models.
//!
//! It works in stages, with a file for each:
//!
//! - `args` parses the attribute's options; `signature` parses and checks a function's signature, with `types` for
//!   the types in it, and `docs` for the attributes that go along. `errors` collects what is wrong, all of it.
//! - `class`, `inherent`, `interface`, `implementation` and `function` expand one form of item each.
//! - `emit` and `dispatch` write what those have in common: the proxy's side of a call, and the service's; `objects`
//!   what is different for functions over several objects.
//! - `krate` finds the crate that generated code stands on, which is its module `__private` and nothing else.

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
mod objects;
mod proxy;
mod shape;
mod signature;
mod types;

use proc_macro::TokenStream;
use quote::quote;
use syn::Item;

/// Makes a type, its methods, a trait, a function or a constant remote.
///
/// An example that compiles stands where users meet it: at `tarmem::remote`, and `tarmem_remote::remote`.
///
/// The item itself stays as it is written. What is generated beside it is a registration, which a service finds when it
/// starts, and what a client calls.
///
/// # What each form generates
///
/// | on | registers | for clients |
/// | --- | --- | --- |
/// | `struct`, `enum` | the class `module.Name` | `NameProxy`; a value of it is a source for `memoize` and `update` |
/// | `impl Name` | the `pub fn`s: with `&self` or `&mut self` as methods, without as constructors, `Name.open` in the class's module | methods of `NameProxy`; a constructor is `NameProxy::open(…)`, which gives a `FunctionCall` |
/// | `trait` | the interface `module.Name` | `NameProxy`; `get::<dyn Name>(key)` and `proxy.cast::<dyn Name>()` give one; and the trait `NameCalls`, see below |
/// | `impl Trait for Name` | that the class has the interface | nothing more |
/// | `fn` | the function `module.name`; a generator if what it returns is a class | the type `name`, with `name::remote(…)`, which gives a `FunctionCall` |
/// | `const` | the constant `module.NAME` | its value is in the module's description |
///
/// A proxy has the visibility of its class or trait, and stands beside it: where one is imported, so must the other be.
/// A class may have any number of `impl` blocks; each names the class by a path at the end of which the proxy is found,
/// too (`impl super::Account` extends `super::AccountProxy`).
///
/// The methods of an interface are callable on the proxy of every class that implements it, as a trait's methods are on
/// a type: where `NameCalls` is imported, `circle.area()` is a call of `Shape::area` for a `CircleProxy`. A method of
/// the class itself, of the same name, goes first; `ShapeCalls::area(&circle)` names the interface's. What works with
/// any such proxy takes an `impl ShapeCalls`. A proxy of an interface has the methods of its supertraits in this way.
///
/// A class has to be `Send + Sync + 'static`, and `Serialize + Deserialize` unless it is `resident`. A trait with
/// `async` methods goes through `async-trait`, as do its implementations, so that it has a `dyn` type. Methods with a
/// default are remote like the others.
///
/// What is remote of an `impl` block is what is `pub`: a `fn` that is not stays the class's own affair, and needs no
/// mark. A `pub` one that is not meant for clients is marked `#[remote(skip)]`. Between the two there is nothing for
/// clients: a `pub(crate) fn` without that mark is refused, and so is a block without any `pub fn`.
///
/// # Signatures
///
/// | in Rust | on the wire |
/// | --- | --- |
/// | `fn`, `async fn` | the same to a caller; the future of an async one has to be `Send` |
/// | `&self` | runs beside other `&self` calls of the object; may be sent again after a failure |
/// | `&mut self` | runs alone |
/// | `x: T` | an argument; `T: Serialize + DeserializeOwned`; at most 16 of them |
/// | `x: &str`, `x: &[T]` | an argument as well; proxies take the same reference |
/// | `x: Option<T>` | a dynamic caller may leave it out, if no argument that it may not leave out follows |
/// | `x: &T`, `x: &mut T`, in a function or constructor; `T` a class, or `dyn I` of an interface | an object of the service: see below |
/// | `x: &Context` | no argument: the call that is being run, filled in by the service; any type of that name |
/// | nothing, `-> T` | the proxy's call gives `T`, or `Error` |
/// | `-> Result<T, E>` | it gives `T`, or `CallError<E>`; `E: Serialize + DeserializeOwned + Display`; every type whose name ends in `Result` counts |
/// | `-> &str`, `-> &[T]`, `-> &T` | the caller gets a `String`, `Vec<T>`, `T`; methods that are not async only |
///
/// Documentation, `#[cfg]` and `#[deprecated]` go along to the proxy; documentation, and parameters and types as
/// written, also to descriptions, which clients can ask for. `Self` stands for the class.
///
/// # Functions over several objects
///
/// A function may take objects of the service, beside other arguments: `from: &mut Account, to: &mut Account, cents:
/// i64`. Its callers pass proxies, `transfer::remote(&alice, &bob, 30)`; dynamic ones a key, as a text, or a reference.
/// For an interface, `&mut dyn Shape`, that is a proxy of the interface: `circle.cast::<dyn Shape>()`.
///
/// - The service holds all of them for the call, `&T` beside other readers, `&mut T` alone, until it returns; if it is
///   async, while it waits, too. It takes them in one order, the same for every call, so that calls cannot wait for one
///   another in a circle. A function that calls its own service (by its context) for an object that it holds waits for
///   itself, until its deadline.
/// - The same object twice is fine if both are `&T`; otherwise the call is refused, naming both parameters.
/// - All or nothing: if the function returns an error or panics, or its result cannot be sent, every `&mut` object is
///   put back as it was, and none is poisoned. So too if it is async and is given up half way. What else it did, it
///   did.
/// - To be put back, an object is copied before each call: by `Clone`, if its class has it; else by way of its
///   encoding, so that what serde skips is not put back. What is behind an `Arc` is the copy's too, and is not put
///   back. A copy costs what cloning (or encoding and decoding) the object costs: for a large one, derive a `Clone`
///   that is cheap, take it as `&T`, or promise to leave it as it was (`all_or_nothing`, below). A class that has
///   neither, a resident one, is refused as `&mut T`; behind `&mut dyn I` the call is.
/// - An async function that takes a `dyn` type needs the interface to be `trait Shape: Send + Sync`.
/// - One that makes an object is a generator like others. An async one that is stopped by its time limit is as if it
///   had not begun; one that is not async runs to its end.
///
/// A method holds its own object only. What works on several is a function.
///
/// # Options
///
/// On the item:
///
/// | option | on | means |
/// | --- | --- | --- |
/// | `module = "shop.pricing"` | class, trait, function, constant: required | the module that it belongs to |
/// | `name = "list"` | class, trait, function, constant | its name in the module, if not the one in Rust |
/// | `resident` | class | its values cannot be encoded (they hold a socket, a channel, …): they are made on the service by a constructor or generator, and stay there; no `Serialize` needed |
/// | `inline` | function | it promises to be quick: it may run on the connection's own thread although it makes an object |
/// | `blocking` | function | it is moved off the async threads although it makes no object |
/// | `scales` | function | it takes the longer the larger its arguments and objects are: it is moved off the async threads where these are large, and runs on the connection's own thread otherwise |
/// | `all_or_nothing` | function with `&mut` objects, not async | it promises to leave them as they were if it fails: no copies are made of them, and as after a method, they are poisoned if it panics; if only its result cannot be sent, what it did is done |
/// | `idempotent` | function | applying it twice is the same as applying it once, so that it may be sent again after a failure |
/// | `crate = path` | all | where tarmem is, if the crate does not depend on `tarmem` or `tarmem-remote` itself (it may under any name) |
///
/// On a `pub fn` in an `impl` block, or a method in a trait, as an attribute of its own:
///
/// | option | on | means |
/// | --- | --- | --- |
/// | `name = "__len__"` | all | its name on the wire, if not the one in Rust |
/// | `proxy = "get_value"` | methods in an `impl` block | the name of the proxy's method, if not the one in Rust: where the proxy has a method of that name that is written by hand, and calls this one |
/// | `idempotent` | all; `&self` methods are anyway | as above |
/// | `blocking` | all that are not async | it is moved off the async threads |
/// | `scales` | all that are not async | as above; how large the object is, its class tells by `Extent` |
/// | `inline` | constructors | as above |
/// | `skip` | all | it is not remote, and may have any signature |
///
/// On a parameter, as an attribute of its own:
///
/// | option | means |
/// | --- | --- |
/// | `default`, `default = 60` | a dynamic caller may leave it out, and so may a client that was built before there was one; then it is what its type has by `Default`, or this expression, which the service evaluates for each such call. For a `&str` or a `String` a text will do; for a `&[T]` it is a `Vec<T>`. Typed proxies take it as any other. Not for objects and a `&Context`. Of an `Arg`, which tells that it was left out, `default = -1` is for descriptions only: it says what the function takes that for, and `None` stands for null |
/// | `args` | it takes all further arguments by place, as `*args` in Python: a `Vec<T>` or `&[T]`, empty where there are none. Parameters after it go by name only |
/// | `kwargs` | it takes all further arguments by name, as `**kwargs` in Python: a [`Kwargs`](../tarmem_remote/args/struct.Kwargs.html), `HashMap<String, T>` or `BTreeMap<String, T>`, empty where there are none. It comes last |
///
/// Typed proxies take these two as they are written: `text.format(vec![…], Kwargs::new())`.
///
/// Names are what older and newer programs know each other by: a method is called by a hash of its class's or
/// interface's path and its name. To rename one in Rust, keep the old name with `name`. Changing parameters breaks
/// older callers.
///
/// # What is refused
///
/// Each refusal points at the token in question and says what to do instead, and all of an item's are reported at once.
///
/// - Generic types, traits, methods and implementations, and `impl Trait`: a registration is of one type. Put the
///   concrete types, or take a `Value`.
/// - `self` by value: the object stays on its service.
/// - References other than those above, lifetimes, and `dyn` types, anywhere in a signature: what arrives is decoded,
///   and belongs to its receiver. References to objects in methods: see above.
/// - Pointers and function pointers; `unsafe`, `extern` and C's variadic functions.
/// - Patterns as parameters (`mut x` is fine): an argument goes by its name.
/// - Associated types, constants and functions in a trait, and `Self` in its signatures: there is no `dyn` type then.
/// - Statics, unions, modules, type aliases.
///
/// Two classes, methods or functions of one name cannot be seen from here. A service refuses to start with them, and
/// names both places.
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
