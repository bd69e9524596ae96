//! Everything that `#[remote]` registered, checked once at start-up.

mod checks;
mod member;

use crate::describe::{ClassEntry, Constant, Function, Implementation, InterfaceEntry, Method, Receiver, Registration};
use crate::error::{Error, near_misses};
use crate::import;
use crate::multi_object::AnyViews;
use crate::results::{MethodDescription, ModuleDescription};
use crate::signature::{Signature, SignatureRef};
use checks::Checks;
pub use checks::RegistryError;
use member::Member;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The classes, interfaces, functions and constants of a service.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_registry")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Account { cents: i64 }
///
/// # fn main() {
/// let registry = Registry::linked().unwrap();
/// assert!(registry.class("doc_registry.Account").is_ok());
/// assert_eq!(registry.describe_module("doc_registry").unwrap().members[0].name, "Account");
/// # }
/// ```
pub struct Registry {
    classes: HashMap<&'static str, Arc<ClassInfo>>,
    /// By the paths that they had before.
    former: HashMap<&'static str, Arc<ClassInfo>>,
    interfaces: HashMap<&'static str, InterfaceEntry>,
    functions: HashMap<u64, Function>,
    /// The method that a number stands for, on any class.
    methods: HashMap<u64, &'static Method>,
    modules: BTreeMap<String, BTreeMap<&'static str, Member>>,
}

/// A class with all its methods.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_class_info")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Account { cents: i64 }
///
/// #[remote]
/// impl Account {
///     pub fn balance(&self) -> i64 { self.cents }
/// }
///
/// # fn main() {
/// let registry = Registry::linked().unwrap();
/// let class = registry.class("doc_class_info.Account").unwrap();
/// assert_eq!(class.method("balance").unwrap().signature(), "balance() -> i64");
/// assert!(class.fits("doc_class_info.Account") && class.interfaces().is_empty() && !class.replays());
/// # }
/// ```
pub struct ClassInfo {
    entry: ClassEntry,
    /// Its own methods first, then those of its interfaces, sorted by path.
    methods: Vec<&'static Method>,
    interfaces: Vec<&'static str>,
    views: HashMap<&'static str, &'static AnyViews>,
    /// Used for each typed call, so it has a faster hash than the standard one; the ids are not chosen by clients.
    by_id: hashbrown::HashMap<u64, usize>,
    by_name: HashMap<&'static str, Vec<usize>>,
}

impl Registry {
    /// Everything that is linked into this program.
    ///
    /// The linker leaves out a crate that nothing refers to: name it with `tarmem::link!`.
    ///
    /// # Errors
    /// [`RegistryError`] if names clash: it names every clash, with both places.
    pub fn linked() -> Result<Self, RegistryError> {
        Self::new(inventory::iter::<Registration>.into_iter().copied())
    }

    /// Like [`linked`](Self::linked), but with only the named modules (and those inside them).
    ///
    /// # Errors
    /// Those of `linked`, and that a module does not exist.
    pub fn offering<S: AsRef<str>>(modules: &[S]) -> Result<Self, RegistryError> {
        let all = Self::linked()?;
        let offered = |module: &str| {
            modules.iter().any(|offer| {
                module.strip_prefix(offer.as_ref()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let mut problems: Vec<String> = Vec::new();
        for module in modules {
            if let Err(error) = all.module(module.as_ref()) {
                problems.push(error.to_string());
            }
        }
        if !problems.is_empty() {
            return Err(RegistryError { problems });
        }
        Self::new(inventory::iter::<Registration>.into_iter().copied().filter(|registration| {
            let module = match registration {
                Registration::Class(class) => class.module,
                Registration::Interface(_) => return true,
                Registration::Implementation(implementation) => parent(implementation.class),
                Registration::Functions(functions) => functions.first().map_or("", |function| function.module),
                Registration::Constant(constant) => constant.module,
            };
            offered(module)
        }))
    }

    /// A registry of these registrations.
    ///
    /// # Errors
    /// [`RegistryError`] if names clash.
    pub fn new(registrations: impl IntoIterator<Item = Registration>) -> Result<Self, RegistryError> {
        let mut checks = Checks::default();
        let mut classes: BTreeMap<&'static str, ClassEntry> = BTreeMap::new();
        let mut interfaces: HashMap<&'static str, InterfaceEntry> = HashMap::new();
        let mut implementations: Vec<Implementation> = Vec::new();
        let mut functions: Vec<Function> = Vec::new();
        let mut constants: Vec<Constant> = Vec::new();
        for registration in registrations {
            match registration {
                Registration::Class(class) => {
                    checks.name("class", class.path.to_owned(), class.place);
                    checks.member(class.module, class.name, class.place);
                    classes.insert(class.path, class);
                }
                Registration::Interface(interface) => {
                    checks.name("interface", interface.path.to_owned(), interface.place);
                    interfaces.insert(interface.path, interface);
                }
                Registration::Implementation(implementation) => implementations.push(implementation),
                Registration::Functions(more) => functions.extend(more),
                Registration::Constant(constant) => {
                    checks.member(constant.module, constant.name, constant.place);
                    constants.push(constant);
                }
            }
        }
        for interface in interfaces.values() {
            if let Some(class) = classes.get(interface.path) {
                checks.clash("a class and an interface are", interface.path, class.place, interface.place);
            }
        }
        for class in classes.values() {
            for was in class.was {
                let taken = classes.get(was).map(|class| class.place);
                if let Some(taken) = taken.or_else(|| interfaces.get(was).map(|interface| interface.place)) {
                    checks.was(class.path, class.place, was, taken);
                }
                checks.former(class.path, was, class.place);
            }
        }
        // The order of the linker is not reliable.
        implementations.sort_by_key(|i| (i.class, i.interface != i.class, i.interface, i.place.file, i.place.line));
        let mut methods = HashMap::new();
        let mut infos: HashMap<&'static str, ClassInfo> =
            classes.into_iter().map(|(path, entry)| (path, ClassInfo::new(entry))).collect();
        for implementation in &implementations {
            let Some(info) = infos.get_mut(implementation.class) else { continue };
            for method in implementation.methods {
                checks.name("method", format!("{} of {}", method.full_name(), info.entry.path), method.place);
                checks.id(method.id, method.full_name(), method.place);
                methods.insert((method.signature)().id(), method);
            }
            info.add(implementation);
        }
        let classes: HashMap<&'static str, Arc<ClassInfo>> =
            infos.into_iter().map(|(path, info)| (path, Arc::new(info))).collect();

        let of_former = |class: &Arc<ClassInfo>| class.entry.was.iter().map(|was| (*was, Arc::clone(class))).collect();
        let former = classes.values().flat_map::<Vec<_>, _>(of_former).collect();

        let mut modules: BTreeMap<String, BTreeMap<&'static str, Member>> = BTreeMap::new();
        let mut by_id = HashMap::new();
        for class in classes.values() {
            let members = modules.entry(class.entry.module.to_owned()).or_default();
            members.insert(class.entry.name, Member::Class(Arc::clone(class)));
        }
        for function in functions {
            checks.member(function.module, function.name, function.place);
            checks.id(function.id, function.full_name(), function.place);
            by_id.insert((function.signature)().id(), function);
            modules.entry(function.module.to_owned()).or_default().insert(function.name, Member::Function(function));
        }
        for constant in constants {
            modules.entry(constant.module.to_owned()).or_default().insert(constant.name, Member::Constant(constant));
        }
        for name in modules.keys() {
            if let Err(error) = import::resolve(name, None) {
                checks.problems.insert(format!("module {name:?}: {error}"));
            }
        }
        checks.finish()?;
        // A package can be imported too, for the modules inside it.
        let packages: Vec<String> = modules.keys().flat_map(|name| ancestors(name)).collect();
        for package in packages {
            modules.entry(package).or_default();
        }
        Ok(Registry { classes, former, interfaces, functions: by_id, methods, modules })
    }

    /// The class with this path.
    ///
    /// # Errors
    /// [`Error::NoSuchClass`].
    pub fn class(&self, path: &str) -> Result<&Arc<ClassInfo>, Error> {
        self.classes.get(path).ok_or_else(|| Error::NoSuchClass {
            class: path.to_owned(),
            near: near_misses(path, self.classes.keys().copied()),
        })
    }

    /// Like [`class`](Self::class), for an object that was stored under this path: the class that has it, or that had
    /// it before.
    ///
    /// # Errors
    /// [`Error::NoSuchClass`].
    pub fn stored_class(&self, path: &str) -> Result<&Arc<ClassInfo>, Error> {
        self.class(path).or_else(|error| self.former.get(path).ok_or(error))
    }

    /// The function with this number, which comes from its signature.
    pub fn function_by_id(&self, id: u64) -> Option<&Function> {
        self.functions.get(&id)
    }

    /// The function `name` of `module`; for a class its constructor `new`.
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NoSuchMember`]; [`Error::NoConstructor`] for a class without `new`.
    pub fn function(&self, module: &str, name: &str) -> Result<&Function, Error> {
        let members = self.module(module)?;
        let found = match members.get(name) {
            Some(Member::Class(_)) => members.get(format!("{name}.new").as_str()),
            found => found,
        };
        match found {
            Some(Member::Function(function)) => Ok(function),
            None if matches!(members.get(name), Some(Member::Class(_))) => {
                let makers = members.iter().filter(|(_, m)| matches!(m, Member::Function(f) if (f.makes)().is_some()));
                Err(Error::no_constructor(module, name, makers.map(|(n, _)| *n)))
            }
            _ => {
                let functions = members.iter().filter(|(_, m)| !matches!(m, Member::Constant(_))).map(|(n, _)| *n);
                let near = near_misses(name, functions);
                Err(Error::NoSuchMember { module: module.to_owned(), name: name.to_owned(), near })
            }
        }
    }

    /// The interface (or class) of the method with this number, on any class.
    pub fn method_scope(&self, id: u64) -> Option<&'static str> {
        self.methods.get(&id).map(|method| method.interface)
    }

    /// Whether there is a class or interface with this path.
    pub fn has_scope(&self, path: &str) -> bool {
        self.classes.contains_key(path) || self.interfaces.contains_key(path)
    }

    /// The signature that this program was built with.
    ///
    /// # Errors
    /// [`Error::NoSuchMethod`], [`Error::NoSuchModule`], [`Error::NoSuchMember`], [`Error::NoSuchClass`].
    pub fn signature(&self, of: SignatureRef<'_>) -> Result<&'static Signature, Error> {
        match of {
            SignatureRef::Method { interface, name } => {
                let of_interface = || self.methods.values().filter(|method| method.interface == interface);
                let found = of_interface().find(|method| method.name == name);
                found.map(|method| (method.signature)()).ok_or_else(|| Error::NoSuchMethod {
                    class: interface.to_owned(),
                    method: name.to_owned(),
                    near: near_misses(name, of_interface().map(|method| method.name)),
                })
            }
            SignatureRef::Function { module, name } => Ok((self.function(module, name)?.signature)()),
            SignatureRef::Class { path } => Ok((self.class(path)?.entry.signature)()),
        }
    }

    /// The description of the module `name`.
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NotAModule`]; the error of computing a constant.
    pub fn describe_module(&self, name: &str) -> Result<ModuleDescription, Error> {
        let members = self.module(name)?;
        let prefix = format!("{name}.");
        let inside = |other: &&String| other.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('.'));
        Ok(ModuleDescription {
            name: name.to_owned(),
            members: members.iter().map(|(name, member)| member.describe(name)).collect::<Result<_, _>>()?,
            modules: self.modules.keys().filter(inside).cloned().collect(),
        })
    }

    fn module(&self, name: &str) -> Result<&BTreeMap<&'static str, Member>, Error> {
        self.modules.get(name).ok_or_else(|| match self.kind_of(name) {
            Some(kind) => Error::NotAModule { name: name.to_owned(), kind: kind.to_owned() },
            None => Error::NoSuchModule {
                module: name.to_owned(),
                near: near_misses(name, self.modules.keys().map(String::as_str)),
            },
        })
    }

    /// The kind of a member with this full name.
    fn kind_of(&self, name: &str) -> Option<&'static str> {
        let (module, member) = name.rsplit_once('.')?;
        Some(match self.modules.get(module)?.get(member)? {
            Member::Class(_) => "class",
            Member::Function(_) => "function",
            Member::Constant(_) => "constant",
        })
    }
}

/// The part before the last dot: `bank` for `bank.Account`; empty for a name without a dot.
fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The packages that contain a name: `a` and `a.b` for `a.b.c`.
fn ancestors(name: &str) -> impl Iterator<Item = String> + '_ {
    name.match_indices('.').map(|(dot, _)| name[..dot].to_owned())
}

impl fmt::Display for Registry {
    /// Shows what is registered in one line, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modules: Vec<&str> = self.modules.keys().map(String::as_str).collect();
        write!(
            f,
            "{} classes, {} interfaces, {} functions in modules {}",
            self.classes.len(),
            self.interfaces.len(),
            self.functions.len(),
            modules.join(", ")
        )
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({self})")
    }
}

impl ClassInfo {
    fn new(entry: ClassEntry) -> Self {
        ClassInfo {
            entry,
            methods: Vec::new(),
            interfaces: Vec::new(),
            views: HashMap::new(),
            by_id: hashbrown::HashMap::new(),
            by_name: HashMap::new(),
        }
    }

    fn add(&mut self, implementation: &Implementation) {
        if implementation.interface != self.entry.path && !self.interfaces.contains(&implementation.interface) {
            self.interfaces.push(implementation.interface);
        }
        self.views.extend(implementation.views.map(|views| (implementation.interface, views)));
        for method in implementation.methods {
            let index = self.methods.len();
            self.by_id.insert((method.signature)().id(), index);
            self.by_name.entry(method.name).or_default().push(index);
            self.methods.push(method);
        }
    }

    /// The description of the class.
    pub fn entry(&self) -> &ClassEntry {
        &self.entry
    }

    /// Whether any of its methods has `replay`. For an example, see [`ClassInfo`].
    pub fn replays(&self) -> bool {
        self.methods.iter().any(|method| method.replay.is_some())
    }

    /// The paths of the interfaces it implements.
    pub fn interfaces(&self) -> &[&'static str] {
        &self.interfaces
    }

    /// How an object of this class is viewed as the interface.
    pub fn views(&self, interface: &str) -> Option<&'static AnyViews> {
        self.views.get(interface).copied()
    }

    /// Whether an object of this class is what a caller expects: `expected` is empty, or the path of the class or of
    /// one of its interfaces.
    pub fn fits(&self, expected: &str) -> bool {
        expected.is_empty() || expected == self.entry.path || self.interfaces.contains(&expected)
    }

    /// The method with this number, which comes from its signature.
    pub fn method_by_id(&self, id: u64) -> Option<&'static Method> {
        self.by_id.get(&id).map(|&index| self.methods[index])
    }

    /// The method with this name. An inherent method takes precedence over those of interfaces; between interfaces, the
    /// full name, `module.Interface.method`, decides.
    ///
    /// # Errors
    /// [`Error::NoSuchMethod`], [`Error::AmbiguousMethod`].
    pub fn method(&self, name: &str) -> Result<&'static Method, Error> {
        let short = name.rsplit('.').next().unwrap_or(name);
        let found: Vec<&'static Method> = self
            .by_name
            .get(short)
            .into_iter()
            .flatten()
            .map(|&index| self.methods[index])
            .filter(|method| short.len() == name.len() || method.full_name() == name)
            .collect();
        match found.as_slice() {
            [] => Err(Error::NoSuchMethod {
                class: self.entry.path.to_owned(),
                method: name.to_owned(),
                near: near_misses(name, self.by_name.keys().copied()),
            }),
            [method] => Ok(method),
            [first, ..] if first.interface == self.entry.path => Ok(first),
            several => Err(Error::AmbiguousMethod {
                class: self.entry.path.to_owned(),
                method: name.to_owned(),
                candidates: several.iter().map(|method| method.full_name()).collect(),
            }),
        }
    }

    /// The descriptions of its methods.
    pub fn describe_methods(&self) -> Vec<MethodDescription> {
        self.methods
            .iter()
            .map(|method| MethodDescription {
                name: method.name.to_owned(),
                interface: method.interface.to_owned(),
                receiver: match method.receiver {
                    Receiver::Shared => "&self".to_owned(),
                    Receiver::Exclusive => "&mut self".to_owned(),
                },
                signature: method.signature(),
                parameters: method.params.iter().map(Into::into).collect(),
                docs: method.docs.to_owned(),
            })
            .collect()
    }
}

impl fmt::Debug for ClassInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassInfo({})", self.entry.path)
    }
}
