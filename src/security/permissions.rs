//! What a restricted session may do.

use tarmem_remote::error::Error;

/// What a token permits. An unrestricted session has no `Permissions`, and its operations are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permissions {
    pub(crate) read_only: bool,
    /// The prefixes of the permitted keys; `None` permits every key.
    pub(crate) prefixes: Option<Vec<String>>,
    /// The permitted modules, each with those inside it; `None` permits every module.
    pub(crate) modules: Option<Vec<String>>,
}

impl Permissions {
    /// Whether the session may name `key`.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.prefixes.as_ref().is_none_or(|prefixes| prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())))
    }

    fn has_module(&self, module: &str) -> bool {
        let inside = |offer: &String| {
            module.strip_prefix(offer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.modules.as_ref().is_none_or(|modules| modules.iter().any(inside))
    }

    /// Checks an operation on `key`.
    pub(crate) fn key(&self, what: &str, key: &str) -> Result<(), Error> {
        if self.has_key(key) {
            return Ok(());
        }
        // The key comes from the client and may be very long.
        let shown: String = key.chars().take(64).collect();
        let reason =
            format!("its token is {}", only("for keys that begin with", "for no key", self.prefixes.as_deref()));
        Err(Error::NotPermitted { what: format!("{what} {shown:?}"), reason })
    }

    /// Checks an operation that uses something of `module`.
    pub(crate) fn module(&self, what: &str, module: &str) -> Result<(), Error> {
        if self.has_module(module) {
            return Ok(());
        }
        let shown: String = module.chars().take(64).collect();
        let reason = format!("its token is {}", only("for the modules", "for no module", self.modules.as_deref()));
        Err(Error::NotPermitted { what: format!("{what} of module {shown:?}"), reason })
    }

    /// Checks an operation that may change something.
    pub(crate) fn change(&self, what: &str) -> Result<(), Error> {
        if self.read_only {
            let reason = "its token is read-only".to_owned();
            return Err(Error::NotPermitted { what: what.to_owned(), reason });
        }
        Ok(())
    }
}

fn only(some: &str, none: &str, list: Option<&[String]>) -> String {
    match list {
        None | Some([]) => none.to_owned(),
        Some(list) => format!("{some} {}", list.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(prefixes: Option<&[&str]>, modules: Option<&[&str]>) -> Permissions {
        let own = |list: Option<&[&str]>| list.map(|list| list.iter().map(|&item| item.to_owned()).collect());
        Permissions { read_only: false, prefixes: own(prefixes), modules: own(modules) }
    }

    #[test]
    fn keys_with_a_permitted_prefix_are_permitted() {
        let some = permissions(Some(&["app/", "x"]), None);
        for (key, may) in [("app/a", true), ("app/", true), ("app", false), ("xy", true), ("", false), ("y", false)] {
            assert_eq!(some.has_key(key), may, "{key:?}");
        }
        assert!(permissions(None, None).has_key(""));
        assert!(permissions(Some(&[""]), None).has_key("any"));
        assert!(!permissions(Some(&[]), None).has_key("any"));
    }

    #[test]
    fn a_module_is_permitted_with_those_inside_it() {
        let some = permissions(None, Some(&["shop.pricing", "lab"]));
        for (module, may) in [("shop.pricing", true), ("shop.pricing.eu", true), ("lab", true), ("lab.x", true)] {
            assert_eq!(some.has_module(module), may, "{module:?}");
        }
        for module in ["shop", "shop.pricingx", "labs", "", "."] {
            assert!(!some.has_module(module), "{module:?}");
        }
    }
}
